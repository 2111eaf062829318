-- The state of one office or one creditor: <state folder>/skp.db. SQLite, WAL, synchronous=FULL, mode 0600.
--
-- Ids are 16 bytes, hashes 32, OINs text, dates yyyymmdd with 0 for none, *_ms milliseconds since 1970 UTC.
-- `fact` is a packed Line exactly as it was signed, `part` what was sealed with it, opened: personal data.
-- application_id is "skpp" once a broker for play was met: files that come of it are marked.
-- Codes are those of skp.proto, except where a column says otherwise. Nothing is ever removed from a table
-- but outbox*, and that only in the transaction that keeps the receipt, and kept_line, when the answer is in.

-- ---------------------------------------------------------------- counsellor

CREATE TABLE case_file (
    case_id        BLOB PRIMARY KEY,
    dossier        TEXT NOT NULL UNIQUE,           -- the office's own case number
    version        INTEGER NOT NULL,               -- as last said
    stored_version INTEGER NOT NULL DEFAULT 0,     -- as last confirmed by a receipt
    persons        INTEGER NOT NULL,
    product        INTEGER NOT NULL,
    guidance       INTEGER NOT NULL,
    reference_date INTEGER NOT NULL,
    responsible    TEXT NOT NULL,                  -- municipality
    created_at_ms  INTEGER NOT NULL,
    complete       INTEGER NOT NULL DEFAULT 0      -- the broker told so
) WITHOUT ROWID;

CREATE TABLE request (
    request_id       BLOB PRIMARY KEY,
    case_id          BLOB NOT NULL,
    place            INTEGER NOT NULL,             -- order in the case, from 0
    creditor_name    TEXT NOT NULL,                -- as the office writes it
    name_key         TEXT NOT NULL,                -- the same, normalised (matching.h)
    brand            TEXT NOT NULL,
    creditor         TEXT NOT NULL DEFAULT '',     -- OIN; '' while nobody was found
    address          TEXT NOT NULL DEFAULT '',     -- of the creditor
    route            INTEGER NOT NULL,             -- enum route of register_plan.h
    letter_reason    INTEGER NOT NULL DEFAULT 0,   -- enum letter_reason of letters_csv.h
    stage            INTEGER NOT NULL DEFAULT 0,   -- enum stage of state_db.h
    err              INTEGER NOT NULL DEFAULT 0,   -- of a refusal
    fingerprint      BLOB NOT NULL,                -- of what the office asked
    leaf             BLOB,                         -- of the RequestFact
    head_hash        BLOB,                         -- of the bundle it was sent in last, and
    bundle_id        BLOB,                         -- its id
    published_at_ms  INTEGER NOT NULL DEFAULT 0,
    collected_at_ms  INTEGER NOT NULL DEFAULT 0,
    due_date         INTEGER NOT NULL DEFAULT 0,
    overdue          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (case_id, place)
) WITHOUT ROWID;
CREATE INDEX request_by_bundle ON request (head_hash);

CREATE TABLE kept_line (                           -- what it takes to seal a request again: the very same bytes
    item_id   BLOB PRIMARY KEY,                    -- request_id, or case_id of the CaseFact that goes along
    line      BLOB NOT NULL,                       -- as it was signed
    plaintext BLOB NOT NULL                        -- what was sealed with it, with its salt
) WITHOUT ROWID;

CREATE TABLE reseal (                              -- asked to seal a request again, once for each place it had
    request_id  BLOB NOT NULL,
    bundle_id   BLOB NOT NULL,                     -- where it stood
    cause       INTEGER NOT NULL,                  -- RequestState: UNREADABLE or RESEAL_NEEDED
    asked_at_ms INTEGER NOT NULL,
    stage       INTEGER NOT NULL DEFAULT 0,        -- enum stage; refused: it is not tried again
    err         INTEGER NOT NULL DEFAULT 0,        -- why it was not sealed the last time
    PRIMARY KEY (request_id, bundle_id)
) WITHOUT ROWID;

CREATE TABLE claim (                               -- what the client knew of, to recognise it in answers
    claim_id       BLOB PRIMARY KEY,
    request_id     BLOB NOT NULL,
    invoice_number TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE recorded (                            -- answers that came on paper; the highest version counts
    request_id    BLOB NOT NULL,
    version       INTEGER NOT NULL,
    stage         INTEGER NOT NULL,
    err           INTEGER NOT NULL DEFAULT 0,
    outcome       INTEGER NOT NULL,
    consent       INTEGER NOT NULL,
    total_cents   INTEGER NOT NULL,
    received_date INTEGER NOT NULL,
    PRIMARY KEY (request_id, version)
) WITHOUT ROWID;

CREATE TABLE answer_in (                           -- the highest version counts
    request_id   BLOB NOT NULL,
    version      INTEGER NOT NULL,
    stored_at_ms INTEGER NOT NULL,                 -- business time of receipt by the broker
    fact         BLOB NOT NULL,
    part         BLOB NOT NULL,
    PRIMARY KEY (request_id, version)
) WITHOUT ROWID;

-- ---------------------------------------------------------------- creditor

CREATE TABLE question (                            -- saldoverzoek as it came, where it came last
    request_id   BLOB PRIMARY KEY,
    counsellor   TEXT NOT NULL,
    bundle_id    BLOB NOT NULL,
    line         INTEGER NOT NULL,
    leaf         BLOB NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    position     INTEGER NOT NULL,                 -- in the mailbox
    fact         BLOB NOT NULL,
    part         BLOB NOT NULL,                    -- empty when it cannot be read, and then
    err          INTEGER NOT NULL DEFAULT 0,       -- why
    returned     INTEGER NOT NULL DEFAULT 0,       -- enum stage of the answer UNREADABLE; 0: not given
    returned_err INTEGER NOT NULL DEFAULT 0,       -- of its refusal
    listed       INTEGER NOT NULL DEFAULT 0        -- it stands in a saldolijst that was written
) WITHOUT ROWID;

CREATE TABLE overview_part (
    round_id     BLOB NOT NULL,
    part         INTEGER NOT NULL,
    agreement_id BLOB NOT NULL,
    opened_at_ms INTEGER NOT NULL,
    due_date     INTEGER NOT NULL,
    listed       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (round_id, part)
) WITHOUT ROWID;

CREATE TABLE overview_item (
    round_id   BLOB NOT NULL,
    part       INTEGER NOT NULL,
    place      INTEGER NOT NULL,
    request_id BLOB NOT NULL,
    due_date   INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    PRIMARY KEY (round_id, part, place)
) WITHOUT ROWID;
CREATE INDEX overview_by_request ON overview_item (request_id);

CREATE TABLE answer_out (                          -- the highest version counts
    request_id  BLOB NOT NULL,
    version     INTEGER NOT NULL,
    stage       INTEGER NOT NULL,
    err         INTEGER NOT NULL DEFAULT 0,
    fingerprint BLOB NOT NULL,                     -- of what it says, without version and reason
    fact        BLOB NOT NULL,
    part        BLOB NOT NULL,
    PRIMARY KEY (request_id, version)
) WITHOUT ROWID;

-- ---------------------------------------------------------------- both

CREATE TABLE event (
    event_id       BLOB PRIMARY KEY,
    kind           INTEGER NOT NULL,
    happened_at_ms INTEGER NOT NULL,
    fact           BLOB NOT NULL                   -- with the addressee's signature, when COLLECTED
) WITHOUT ROWID;

CREATE TABLE delivery (                            -- signature and proof of what came, for evidence
    mailbox   TEXT NOT NULL,
    position  INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    whole     INTEGER NOT NULL,                    -- everything in it was read: it may be collected
    proof     BLOB NOT NULL,                       -- the packed Delivery
    PRIMARY KEY (mailbox, position, head_hash)
);

CREATE TABLE outbox (                              -- signed, and not yet answered by a receipt
    batch_id      BLOB PRIMARY KEY,
    created_at_ms INTEGER NOT NULL,
    header        BLOB NOT NULL,
    jws           TEXT NOT NULL,
    root          BLOB NOT NULL,
    line_count    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE outbox_bundle (
    batch_id BLOB NOT NULL,
    place    INTEGER NOT NULL,
    head     BLOB NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (batch_id, place)
);

CREATE TABLE outbox_line (                         -- what each line is about, to apply the receipt
    batch_id BLOB NOT NULL,
    bundle   INTEGER NOT NULL,
    line     INTEGER NOT NULL,
    kind     INTEGER NOT NULL,                     -- number of the fact in Line
    item_id  BLOB NOT NULL,
    version  INTEGER NOT NULL,
    err      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (batch_id, bundle, line)
);

CREATE TABLE receipt (                             -- the broker's signed word; an empty proof: refused as a whole
    batch_id      BLOB PRIMARY KEY,
    settled_at_ms INTEGER NOT NULL,
    err           INTEGER NOT NULL,
    proof         BLOB NOT NULL
) WITHOUT ROWID;
