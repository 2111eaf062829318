/* What the rows of each table mean: keys and values of everything the broker keeps.
 *
 * Keys are built so that the order of the store is the order of the work (positions, due times),
 * and spread where nothing needs an order. Numbers in keys are big endian. Values are packed field
 * by field (packed.h); a value that reads otherwise is damage: DATA_LOSS. Pure: nothing here
 * touches the store.
 *
 *   table        key                                      value
 *   meta         name                                     see META_*
 *   participant  oin                                      DirectoryEntry, as registered
 *   record       oin, mailbox                             SignedRecord
 *   agreement    agreement id, version                    SignedAgreement, the file
 *   batch        sender, batch id                         struct batch_row
 *   bundle       bundle id                                struct bundle_row: the Bundle as it came
 *   page         bundle id, page number                   struct page_row: up to 32 requests
 *   case         counsellor, case id                      case_file.h
 *   progress     number: place of a case / 64             struct progress_row
 *   mailbox      oin, mailbox                             last position given
 *   entry        oin, mailbox, position                   struct entry_row
 *   waiting      agreement id, since, bundle id, page     lines that wait for a round, as bits
 *   deadline     due, kind, object, part                  the commit that set it
 *   round        round id                                 struct round_row
 *   round        round id, part                           struct round_page, one after the other
 *   journal      sequence, part                           struct note, one after the other
 *   commit       sequence                                 struct commit_row
 *   open         creditor, published, bundle id, page     nothing: requests there may be unanswered
 *   statement    number: commit and a count               statement and jws of an EventFact, packed
 */
#ifndef SKP_ROWS_H
#define SKP_ROWS_H

#include "case_file.h"
#include "request.h"
#include "store.h"

#include <assert.h>

#define MAILBOX_NAME_MAX 32
#define PAGE_LINES       32
#define BUNDLE_PAGES     8 /* of 256 lines */

struct row_key {
    uint8_t bytes[STORE_KEY_MAX];
    size_t len;
};

static inline struct span row_key_span(const struct row_key *key)
{
    return span_of(key->bytes, key->len);
}

struct row_key key_meta(const char *name);
struct row_key key_participant(const struct skp_oin *oin);
struct row_key key_record(const struct skp_oin *oin, const char *mailbox);
struct row_key key_agreement(const struct skp_id *agreement_id, uint32_t version);
struct row_key key_batch(const struct skp_oin *sender, const struct skp_id *batch_id);
struct row_key key_bundle(const struct skp_id *bundle_id);
struct row_key key_page(const struct skp_id *bundle_id, unsigned page);
struct row_key key_case(const struct skp_oin *counsellor, const struct skp_id *case_id);
struct row_key key_mailbox(const struct skp_oin *oin, const char *mailbox);
struct row_key key_entry(const struct skp_oin *oin, const char *mailbox, uint64_t position);
/* What waits leaves in the order it was accepted in: by commit, and by place within it. */
struct row_key key_waiting(const struct skp_id *agreement_id, uint64_t sequence, uint64_t place,
                           const struct skp_id *bundle_id, unsigned page);
struct row_key key_deadline(int64_t due_ms, uint8_t kind, const struct skp_id *object,
                            uint32_t part);
struct row_key key_round(const struct skp_id *round_id);
struct row_key key_round_part(const struct skp_id *round_id, uint32_t part);
bool key_is_round_part(struct span key); /* else it is a round's own */
struct row_key key_journal(uint64_t sequence, uint32_t part);
struct row_key key_commit(uint64_t sequence);
struct row_key key_progress(uint64_t place);
struct row_key key_statement(uint64_t number);
#define STATEMENT_BITS 20 /* of its number: which of its commit; those above are the commit */
struct row_key key_open(const struct skp_oin *creditor, int64_t published_ms,
                        const struct skp_id *bundle_id, unsigned page);

/* The smallest key after every key that starts with this one; len 0 when there is none. For scans.
 */
struct row_key key_after_prefix(const struct row_key *prefix);

/* Readers of keys that scans give back. DATA_LOSS when the key has another form. */
enum skp_err key_read_entry(struct span key, uint64_t *ret_position) SKP_MUST_CHECK;
enum skp_err key_read_waiting(struct span key, struct skp_id *ret_bundle_id,
                              unsigned *ret_page) SKP_MUST_CHECK;
enum skp_err key_read_open(struct span key, int64_t *ret_published_ms, struct skp_id *ret_bundle_id,
                           unsigned *ret_page) SKP_MUST_CHECK;

/* Which row this is, in words for a person, as far as its key says: also of a damaged key. */
#define ROW_WORDS_BYTES 256
void row_describe(enum store_table table, struct span key, char *ret_text, size_t size);

/* What damage to such a row means, and what to do; constant texts. */
struct row_advice {
    const char *means;
    const char *remedy;
};
struct row_advice row_advice_of(enum store_table table);

enum deadline_kind {
    DEADLINE_ROUND_OPEN = 1,    /* object: agreement id, part: its version */
    DEADLINE_ROUND_PUBLISH = 2, /* object: round id, part: of the overview */
    DEADLINE_EXPIRE = 3,        /* object: bundle id, part: page */
    DEADLINE_ROUND_CLOSE = 4    /* object: round id */
};

struct deadline_key {
    int64_t due_ms;
    uint8_t kind;
    struct skp_id object;
    uint32_t part;
};
enum skp_err key_read_deadline(struct span key, struct deadline_key *ret_deadline) SKP_MUST_CHECK;

/* ---------------------------------------------------------------- values; spans borrow from the
 * value */

struct batch_row {
    struct span header;
    struct span jws;
    struct skp_hash root;
    uint64_t commit;     /* the link that confirmed it */
    struct span receipt; /* ReceiptBody; empty for the broker's own batches */
    uint32_t receipt_index;
    struct span receipt_path; /* hashes, one after the other */
};
struct span batch_row_pack(const struct batch_row *row, struct arena *arena);
enum skp_err batch_row_read(struct span value, struct batch_row *ret_row) SKP_MUST_CHECK;

/* A statement of collection that bundles of the broker tell of lies in a row of its own. */
struct left_out {
    uint32_t at; /* in the body that is left, where it belongs */
    uint64_t statement;
};

struct bundle_row {
    struct skp_oin sender;
    struct skp_id batch_id;
    uint32_t bundle_index;
    struct skp_oin recipient;
    uint32_t line_count;
    struct skp_hash head_hash;
    struct span path;                /* hashes, one after the other */
    struct span body;                /* Bundle as it came; parts may have been destroyed since */
    const struct left_out *left_out; /* of the body, from its start on; lives in an arena */
    size_t left_out_count;
};
struct span bundle_row_pack(const struct bundle_row *row, struct arena *arena);
enum skp_err bundle_row_read(struct span value, struct arena *arena,
                             struct bundle_row *ret_row) SKP_MUST_CHECK;

/* Requests of one bundle, 32 to a page. A slot whose state is 0 was refused and never existed. */
struct page_row {
    struct skp_oin counsellor;
    struct skp_oin creditor;
    char mailbox[MAILBOX_NAME_MAX + 1]; /* of the creditor, where the bundle goes */
    uint32_t bundle_lines;              /* of the whole bundle */
    struct skp_hash head_hash;          /* of the bundle */
    size_t count;
    struct request_state requests[PAGE_LINES];
};
struct span page_row_pack(const struct page_row *row, struct arena *arena);
enum skp_err page_row_read(struct span value, struct page_row *ret_row) SKP_MUST_CHECK;

struct line_mask {
    uint8_t bits[32]; /* bit n of byte n/8 = line n */
};
static inline void mask_set(struct line_mask *mask, size_t line)
{
    mask->bits[line / 8] = (uint8_t)(mask->bits[line / 8] | 1u << (line % 8));
}
static inline bool mask_has(const struct line_mask *mask, size_t line)
{
    return ((unsigned)mask->bits[line / 8] >> (line % 8) & 1u) != 0;
}

/* What a statement of collection is held against stands here, so that no bundle is read for it. */
struct entry_row {
    struct skp_id bundle_id;
    struct skp_hash head_hash;
    uint32_t bundle_lines;
    struct skp_oin lane; /* the sender */
    int64_t stored_at_ms;
    bool partial; /* only the lines of `mask` are for the recipient; the rest is withheld */
    struct line_mask mask;
};
struct span entry_row_pack(const struct entry_row *row, struct arena *arena);
enum skp_err entry_row_read(struct span value, struct entry_row *ret_row) SKP_MUST_CHECK;

enum round_state { ROUND_OPENING = 1, ROUND_PUBLISHED = 2, ROUND_CLOSED = 3 };

struct round_row {
    struct skp_id round_id;
    struct skp_id agreement_id;
    uint32_t agreement_version;
    struct skp_oin creditor;
    uint8_t state;
    int64_t opened_at_ms;
    int64_t closed_at_ms;
    plain_date due_date;
    uint32_t parts;
    uint32_t items;        /* on the overview */
    uint32_t published;    /* of these new in this round */
    bool open_listed;      /* all that was open when it was opened is on the overview */
    struct span next_from; /* key in the open list, then among what waits, where the next part
                            * starts; empty: at its start */
    struct span reason;    /* when opened by hand */
};
struct span round_row_pack(const struct round_row *row, struct arena *arena);
enum skp_err round_row_read(struct span value, struct round_row *ret_row) SKP_MUST_CHECK;

/* Of a row that may be damaged: the agreement it names, which may then be none there is. False: it is
 * too short to name one. */
bool round_row_agreement(struct span value, struct skp_id *ret_agreement_id, uint32_t *ret_version);

/* What left in one part of a round. */
struct round_page {
    struct skp_id bundle_id;
    uint16_t number;
    uint32_t bits; /* bit n: the page's request n */
};
#define ROUND_PAGE_PACKED_BYTES (ID_BYTES + 2 + 4)
struct span round_pages_pack(const struct round_page *pages, size_t count, struct arena *arena);
enum skp_err round_pages_read(struct span value, struct arena *arena, struct round_page **ret_pages,
                              size_t *ret_count) SKP_MUST_CHECK;

/* How many requests of a case did not come back yet: apart from the case, whose row would cost eight
 * hundred times as much to write with every answer. */
struct progress {
    uint16_t waits; /* declared and not back, or one of the two below */
};
#define PROGRESS_LOST UINT16_MAX /* a damaged row stood here: ask the pages */
#define PROGRESS_TOLD                                                                              \
    (UINT16_MAX - 1) /* so it was, and the pages said that nothing is waited for */
static_assert(CASE_MAX_REQUESTS < PROGRESS_TOLD, "the requests of a case can be counted");

/* Cases that were opened one after the other, by their place: those of a round are asked and
 * answered together, and one row is written where each case would have had its own. */
#define PROGRESS_CASES 64
struct progress_row {
    struct progress cases[PROGRESS_CASES]; /* by place % 64 */
};

static inline bool progress_is_shared(uint64_t place, uint64_t other)
{
    return place / PROGRESS_CASES == other / PROGRESS_CASES;
}
struct span progress_row_pack(const struct progress_row *row, struct arena *arena);
enum skp_err progress_row_read(struct span value, struct progress_row *ret_row) SKP_MUST_CHECK;
struct progress_row progress_row_lost(void); /* PROGRESS_LOST for each of its cases */

/* A connected request of this case was answered: to be counted in its progress later. */
struct note {
    struct skp_oin counsellor;
    struct skp_id case_id;
    uint64_t place; /* of the case */
};
#define NOTE_PACKED_BYTES (OIN_CHARS + ID_BYTES + 8)
struct span notes_pack(const struct note *notes, size_t count, struct arena *arena);
enum skp_err notes_read(struct span value, struct arena *arena, struct note **ret_notes,
                        size_t *ret_count) SKP_MUST_CHECK;

struct commit_row {
    struct span header; /* CommitHeader */
    struct span jws;
};
struct span commit_row_pack(const struct commit_row *row, struct arena *arena);
enum skp_err commit_row_read(struct span value, struct commit_row *ret_row) SKP_MUST_CHECK;

struct span u64_pack(uint64_t value, struct arena *arena);
enum skp_err u64_read(struct span value, uint64_t *ret_value) SKP_MUST_CHECK;

#define META_STORE  "store"  /* store id (16), play (1) */
#define META_CHAIN  "chain"  /* sequence (8), hash of the last link (32) */
#define META_OFFSET "offset" /* business clock of a play store, ms ahead of real time (8) */
#define META_CLOCK  "clock"  /* business time last seen (8), deadlines are held (1) */
#define META_LOSS   "loss"   /* the last loss an operator accepted: see struct loss_mark */

struct store_mark {
    struct skp_id store_id;
    bool play;
};
struct span store_mark_pack(const struct store_mark *mark, struct arena *arena);
enum skp_err store_mark_read(struct span value, struct store_mark *ret_mark) SKP_MUST_CHECK;

struct chain_mark {
    uint64_t sequence;
    struct skp_hash hash; /* of the CommitHeader's bytes */
};
struct span chain_mark_pack(const struct chain_mark *mark, struct arena *arena);
enum skp_err chain_mark_read(struct span value, struct chain_mark *ret_mark) SKP_MUST_CHECK;

/* Outside the rows (store_watermark_write()): which store it is about, and its newest link. */
struct watermark {
    struct skp_id store_id;
    struct chain_mark chain;
};
struct span watermark_pack(const struct watermark *mark, struct arena *arena);
enum skp_err watermark_unpack(struct span value, struct watermark *ret_mark) SKP_MUST_CHECK;

/* Links up to `lost` were confirmed, the store that went on ends with `kept`. */
struct loss_mark {
    uint64_t kept;
    uint64_t lost;       /* 0: there was no loss */
    int64_t accepted_ms; /* real time */
};
struct span loss_mark_pack(const struct loss_mark *mark, struct arena *arena);
enum skp_err loss_mark_read(struct span value, struct loss_mark *ret_mark) SKP_MUST_CHECK;

/* A row that was taken out of everybody's way, or what stands for it; the key begins with
 * "aside". */
struct aside_row {
    uint8_t table;
    uint8_t cause;
    int64_t at_ms; /* real time */
    struct span key;
    struct span value;
};
struct span aside_row_pack(const struct aside_row *row, struct arena *arena);
enum skp_err aside_row_read(struct span value, struct aside_row *ret_row) SKP_MUST_CHECK;

struct clock_mark {
    int64_t seen_ms; /* business time; 0: never */
    bool held;
};
struct span clock_mark_pack(const struct clock_mark *mark, struct arena *arena);
enum skp_err clock_mark_read(struct span value, struct clock_mark *ret_mark) SKP_MUST_CHECK;

#endif
