/* Fetch: what is ready in a mailbox, inside the credit, leased to the session. Runs on the read
 * worker. */
#include "delivery.h"
#include "engine_internal.h"

#include "mutant.h"
#include "park.h"
#include "quarantine.h"
#include "statements.h"
#include "workset.h"

#define FETCH_SCAN_ROWS  256
#define FETCH_LOAD_ROWS  16 /* whose bundles are read together: what does not fit was read in vain */
#define FETCH_MAX_FRAMES 512
#define FETCH_PASS_ROWS  1000 /* that are under way or others': then somebody else has a turn */

/* What finish() needs to know of each Delivery frame. */
struct fetched {
    const char *mailbox;
    uint64_t *positions;
    uint64_t *parked; /* leased, and not deliverable as they were sealed */
    size_t parked_count;
    struct store_damaged damaged; /* the entry that the scan could not get past */
};

struct fetch_run {
    struct engine_call *call;
    struct fetched *fetched;
    struct store *reader;
    const struct registry_record *record; /* of the mailbox, now; NULL: none */
    Skp__V1__Fetch *request;
    struct arena scratch; /* entries and bundles as they are read; the call keeps only frames */
    int64_t lease_until_ms;
    struct engine_frame *frames;
    size_t room; /* of Delivery frames */
    bool full;
    size_t passed;       /* rows that it could not take */
    uint64_t freed;      /* lanes, when the scan began */
    uint64_t lanes_left; /* by giving back what did not fit */
    bool beside_others;  /* it passed over what others have, or went on behind it */
    bool late;           /* a lane became free meanwhile: its first entry comes first */
};

/* ---------------------------------------------------------------- a run of entries */

static enum skp_err load_bundles(struct fetch_run *run, struct delivery *ready, size_t count)
{
    struct arena *arena = &run->scratch;
    struct store_row *rows = arena_calloc(arena, count + 1, sizeof *rows);
    if (!rows)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        ready[i].bundle_key = key_bundle(&ready[i].entry.bundle_id);
        rows[i].key = row_key_span(&ready[i].bundle_key);
    }
    enum skp_err err = store_get(run->reader, STORE_BUNDLE, rows, count, arena);
    for (size_t i = 0; !err && i < count; i++) {
        err = rows[i].version == 0 ? SKP_E_DATA_LOSS
                                   : bundle_row_read(rows[i].value, arena, &ready[i].bundle);
        if (err)
            break;
        ready[i].batch_key = key_batch(&ready[i].bundle.sender, &ready[i].bundle.batch_id);
        rows[i] = (struct store_row){.key = row_key_span(&ready[i].batch_key)};
    }
    if (!err)
        err = store_get(run->reader, STORE_BATCH, rows, count, arena);
    for (size_t i = 0; !err && i < count; i++) {
        ready[i].batch_at = rows[i];
        err = rows[i].version == 0 ? SKP_E_DATA_LOSS
                                   : statements_put_back(run->reader, arena, &ready[i].bundle);
    }
    return err;
}

/* One damaged bundle is no trouble for those that were read with it. */
static enum skp_err load_whole(struct fetch_run *run, struct delivery *ready, size_t count)
{
    enum skp_err err = load_bundles(run, ready, count);
    if (err != SKP_E_DATA_LOSS)
        return err;
    err = SKP_OK;
    for (size_t i = 0; !err && i < count; i++) {
        err = load_bundles(run, &ready[i], 1);
        ready[i].is_damaged = err == SKP_E_DATA_LOSS;
        err = ready[i].is_damaged ? SKP_OK : err;
    }
    return err;
}

static bool fits(const struct fetch_run *run, size_t bytes)
{
    const struct engine_call *call = run->call;
    if (call->fetched_count >= run->room)
        return false;
    /* At least one delivery goes out, however small the credit in bytes. */
    return call->fetched_count == 0 || call->fetched_bytes + bytes <= run->request->bytes ||
           MUTANT(credit_ignored);
}

static enum skp_err deliver(struct fetch_run *run, const struct delivery *ready, bool *ret_fits)
{
    struct engine_call *call = run->call;
    struct span frame;
    enum skp_err err =
        delivery_pack(ready, run->request->mailbox, &run->scratch, &call->arena, &frame);
    if (err)
        return err;
    *ret_fits = fits(run, frame.len);
    if (!*ret_fits) {
        run->full = true;
        return SKP_OK;
    }
    run->fetched->positions[call->frame_count] = ready->position;
    run->frames[call->frame_count++] = (struct engine_frame){.type = FRAME_DELIVERY, .body = frame};
    call->fetched_count++;
    call->fetched_bytes += frame.len;
    return SKP_OK;
}

/* Goes out, goes back to be sealed again, or stays because the credit ends here. */
static enum skp_err pass_on(struct fetch_run *run, const struct delivery *ready, bool *ret_fits)
{
    struct fetched *fetched = run->fetched;
    bool parked = ready->is_damaged;
    enum skp_err err = SKP_OK;
    if (!parked)
        err = park_wanted(run->reader, &run->scratch, run->record, &ready->entry, &ready->bundle,
                          &parked);
    if (err || !parked)
        return err ? err : deliver(run, ready, ret_fits);
    *ret_fits = fetched->parked_count < run->room;
    if (*ret_fits)
        fetched->parked[fetched->parked_count++] = ready->position;
    else
        run->full = true;
    return SKP_OK;
}

/* Leases what may go out of this run of entries; *ret_last is the position up to which all were
 * looked at. */
static enum skp_err take_ready(struct fetch_run *run, const struct store_row *rows, size_t count,
                               struct delivery *ready, size_t *ret_taken, uint64_t *ret_last)
{
    struct engine_call *call = run->call;
    for (size_t i = 0; i < count; i++) {
        struct delivery *slot = &ready[*ret_taken];
        enum skp_err err = key_read_entry(rows[i].key, &slot->position);
        if (!err)
            err = entry_row_read(rows[i].value, &slot->entry);
        if (err)
            return err;
        if (call->fetched_count + *ret_taken >= run->room) {
            run->full = true;
            return SKP_OK;
        }
        *ret_last = slot->position;
        enum lease_answer answer =
            lease_take(&call->engine->leases, &call->peer, run->request->mailbox, slot->position,
                       &slot->entry.lane, call->session, run->lease_until_ms, &slot->attempt);
        *ret_taken += answer == LEASE_TAKEN;
        run->passed += answer != LEASE_TAKEN;
        run->beside_others = run->beside_others || answer == LEASE_OTHERS;
    }
    return SKP_OK;
}

static void give_back(struct fetch_run *run, const struct delivery *ready, size_t from,
                      size_t count)
{
    for (size_t i = from; i < count; i++)
        run->lanes_left += lease_undo(&run->call->engine->leases, &run->call->peer,
                                      run->request->mailbox, ready[i].position, run->call->session);
}

/* What was taken may stand behind an entry that was passed over before its lane became free. */
static bool is_late(const struct fetch_run *run)
{
    return run->beside_others &&
           lease_lanes_freed(&run->call->engine->leases, &run->call->peer, run->request->mailbox) !=
               run->freed + run->lanes_left;
}

static enum skp_err fetch_run(struct fetch_run *run, const struct store_row *rows, size_t count,
                              uint64_t *ret_last)
{
    struct delivery *ready = arena_calloc(&run->scratch, count + 1, sizeof *ready);
    if (!ready)
        return SKP_E_NO_MEMORY;
    size_t taken = 0;
    enum skp_err err = take_ready(run, rows, count, ready, &taken, ret_last);
    run->late = !err && is_late(run);
    if (run->late) {
        give_back(run, ready, 0, taken);
        return SKP_OK;
    }
    if (!err)
        err = load_whole(run, ready, taken);
    /* Not until run->full: that is also set when the credit in messages ends with the last taken. */
    size_t sent = 0;
    bool fits_credit = true;
    while (!err && fits_credit && sent < taken) {
        err = pass_on(run, &ready[sent], &fits_credit);
        sent += !err && fits_credit;
    }
    give_back(run, ready, sent, taken);
    return err;
}

/* ---------------------------------------------------------------- the mailbox */

static enum skp_err snapshot_sequence(struct fetch_run *run, uint64_t *ret_sequence)
{
    struct row_key key = key_meta(META_CHAIN);
    struct store_row row = {.key = row_key_span(&key)};
    struct chain_mark mark = {0};
    enum skp_err err = store_get(run->reader, STORE_META, &row, 1, &run->call->arena);
    if (!err)
        err = chain_mark_read(row.value, &mark);
    if (!err)
        *ret_sequence = mark.sequence;
    return err;
}

/* A few more than there is room for: some may be under way. */
static size_t scan_rows(const struct fetch_run *run)
{
    size_t rows = run->room - run->call->fetched_count + FETCH_LOAD_ROWS;
    return rows < FETCH_SCAN_ROWS ? rows : FETCH_SCAN_ROWS;
}

/* Up to the end of the mailbox, of the credit, or of its turn. *ret_last as take_ready(). */
static enum skp_err scan(struct fetch_run *run, uint64_t from, uint64_t *ret_last)
{
    struct engine_call *call = run->call;
    const char *mailbox = run->request->mailbox;
    struct row_key whole = key_mailbox(&call->peer, mailbox);
    struct row_key end = key_after_prefix(&whole);
    uint64_t last = from > 0 ? from - 1 : 0;
    bool is_end = false;
    while (!is_end && !run->full && !run->late && run->passed < FETCH_PASS_ROWS) {
        struct row_key start = key_entry(&call->peer, mailbox, last + 1);
        struct store_row *rows;
        size_t count = 0;
        size_t wanted = scan_rows(run);
        enum skp_err err =
            store_scan(run->reader, STORE_ENTRY, row_key_span(&start), row_key_span(&end), wanted,
                       (size_t)1 << 20, &run->scratch, &rows, &count);
        if (err)
            return err;
        /* Entries are small: fewer than asked for are all there are. */
        is_end = count < wanted;
        struct arena_mark entries = arena_mark(&run->scratch);
        for (size_t at = 0; !err && at < count && !run->full && !run->late; at += FETCH_LOAD_ROWS) {
            err = fetch_run(run, rows + at,
                            count - at < FETCH_LOAD_ROWS ? count - at : FETCH_LOAD_ROWS, &last);
            arena_rewind(&run->scratch, &entries);
        }
        if (err)
            return err;
        arena_reset(&run->scratch);
    }
    call->caught_up = is_end && !run->full && !run->late;
    *ret_last = last;
    return SKP_OK;
}

/* Goes on where the last one of this session ended. Only one that begins where all do knows what stands
 * before it. */
static enum skp_err scan_on(struct fetch_run *run, uint64_t from, uint64_t generation)
{
    struct engine_call *call = run->call;
    struct lease_table *leases = &call->engine->leases;
    const char *mailbox = run->request->mailbox;
    struct fetch_place place = call->place;
    uint64_t last;
    uint64_t on =
        lease_scan_on(leases, &call->peer, mailbox, call->session, place.position, &place.freed);
    bool goes_on = on > from;
    run->freed = place.freed;
    run->beside_others = goes_on;
    call->place = (struct fetch_place){.position = 0};
    enum skp_err err = scan(run, goes_on ? on : from, &last);
    if (err)
        return err;
    if (!run->full && !run->late && !goes_on)
        lease_scanned(leases, &call->peer, mailbox, last, generation);
    if (!run->full || call->fetched_count > 0)
        call->place = (struct fetch_place){.position = last + 1, .freed = place.freed};
    return SKP_OK;
}

static enum skp_err say_waiting(struct fetch_run *run)
{
    struct engine_call *call = run->call;
    Skp__V1__Waiting waiting;
    skp__v1__waiting__init(&waiting);
    waiting.mailbox = run->request->mailbox;
    waiting.waiting = lease_held_by_others(&call->engine->leases, &call->peer,
                                           run->request->mailbox, call->session);
    struct span body = wire_pack(&waiting.base, &call->arena);
    if (!body.data)
        return SKP_E_NO_MEMORY;
    run->frames[call->frame_count++] = (struct engine_frame){.type = FRAME_WAITING, .body = body};
    return SKP_OK;
}

/* False: nothing was ever delivered to it, whoever may have made up the name. A damaged counter is one. */
static enum skp_err mailbox_exists(struct fetch_run *run, bool *ret_exists)
{
    struct row_key key = key_mailbox(&run->call->peer, run->request->mailbox);
    struct store_row row = {.key = row_key_span(&key)};
    enum skp_err err = store_get(run->reader, STORE_MAILBOX, &row, 1, &run->call->arena);
    bool is_damaged = err == SKP_E_DATA_LOSS && run->reader->damaged.table == STORE_MAILBOX;
    if (err && !is_damaged)
        return err;
    *ret_exists = is_damaged || row.version > 0;
    return SKP_OK;
}

static enum skp_err scan_leased(struct fetch_run *run)
{
    struct engine_call *call = run->call;
    uint64_t sequence = 0;
    uint64_t generation;
    enum skp_err err = snapshot_sequence(run, &sequence);
    if (err)
        return err;
    uint64_t from = lease_scan_from(&call->engine->leases, &call->peer, run->request->mailbox,
                                    sequence, &generation);
    struct registry *registry = engine_registry(call->engine);
    const struct registry_participant *who = registry_find(registry, &call->peer);
    run->record = who ? registry_record_of(who, run->request->mailbox) : NULL;
    arena_init(&run->scratch, ENGINE_BATCH_ARENA_BYTES);
    err = scan_on(run, from, generation);
    if (err == SKP_E_DATA_LOSS && run->reader->damaged.table == STORE_ENTRY) {
        run->fetched->damaged = run->reader->damaged;
        err = SKP_OK; /* it is set aside, and the fetch comes again */
    }
    arena_fini(&run->scratch);
    registry_unref(registry);
    /* What was read before the trouble goes out; the next fetch meets it first. */
    if (err && call->fetched_count > 0) {
        call->caught_up = false;
        return SKP_OK;
    }
    return err;
}

/* Nothing of it goes out, and nothing is parked. */
static void give_all_back(struct fetch_run *run)
{
    struct engine_call *call = run->call;
    struct lease_table *leases = &call->engine->leases;
    const struct fetched *fetched = run->fetched;
    for (size_t i = 0; i < call->fetched_count; i++)
        (void)lease_undo(leases, &call->peer, fetched->mailbox, fetched->positions[i],
                         call->session);
    for (size_t i = 0; i < fetched->parked_count; i++)
        (void)lease_undo(leases, &call->peer, fetched->mailbox, fetched->parked[i], call->session);
}

static enum skp_err make_room(struct fetch_run *run)
{
    struct arena *arena = &run->call->arena;
    run->room =
        run->request->messages < FETCH_MAX_FRAMES ? run->request->messages : FETCH_MAX_FRAMES;
    run->frames = arena_calloc(arena, run->room + 1, sizeof *run->frames);
    struct fetched *fetched = arena_calloc(arena, 1, sizeof *fetched);
    if (!run->frames || !fetched)
        return SKP_E_NO_MEMORY;
    fetched->mailbox = run->request->mailbox;
    fetched->positions = arena_calloc(arena, run->room + 1, sizeof *fetched->positions);
    fetched->parked = arena_calloc(arena, run->room + 1, sizeof *fetched->parked);
    run->fetched = fetched;
    run->call->state = fetched;
    return fetched->positions && fetched->parked ? SKP_OK : SKP_E_NO_MEMORY;
}

static enum skp_err read_mailbox(struct engine_call *call, struct store *reader)
{
    struct engine *engine = call->engine;
    struct fetch_run run = {.call = call, .reader = reader};
    enum skp_err err = engine_unpack(call, &skp__v1__fetch__descriptor, (void *)&run.request);
    if (err)
        return err;
    if (strlen(run.request->mailbox) > MAILBOX_NAME_MAX)
        return engine_refuse(call, SKP_E_TEXT_TOO_LONG, "mailbox", NULL);
    if ((err = make_room(&run)))
        return err;
    run.lease_until_ms = engine_lease_until(engine, run.request->lease_seconds);
    bool exists = false;
    if ((err = mailbox_exists(&run, &exists)))
        return err;
    call->frames = run.frames;
    call->caught_up = !exists;
    if (exists)
        err = scan_leased(&run);
    if (!err && call->caught_up)
        err = say_waiting(&run);
    if (err)
        give_all_back(&run);
    return err;
}

/* A statement may overtake the deliveries it is about: a client that comes back says again what it
 * collected before, while its first fetch leases the same entries. Once Collected is on its way
 * nothing of it may follow, nor anything whose lease was lost meanwhile. */
static void finish(struct engine_call *call)
{
    const struct fetched *fetched = call->state;
    size_t kept = 0;
    for (size_t i = 0; i < call->frame_count; i++) {
        if (call->frames[i].type == FRAME_DELIVERY &&
            !lease_is_held(&call->engine->leases, &call->peer, fetched->mailbox,
                           fetched->positions[i], call->session)) {
            call->fetched_count--;
            call->fetched_bytes -= call->frames[i].body.len;
        } else {
            call->frames[kept++] = call->frames[i];
        }
    }
    call->frame_count = kept;
    if (fetched->parked_count > 0)
        park_submit(call->engine, &call->peer, fetched->mailbox, call->session, fetched->parked,
                    fetched->parked_count);
    if (fetched->damaged.table != 0)
        quarantine_mailbox(call->engine, &fetched->damaged, &call->peer, fetched->mailbox);
    else if (kept == 0 && !call->caught_up && call->place.position == 0)
        /* nothing to show, and more to read */
        engine_post_wake(call->engine, &call->peer, fetched->mailbox);
}

const struct verb verb_fetch = {.name = "fetch", .read = read_mailbox, .finish = finish};
