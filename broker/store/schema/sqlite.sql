-- The schema of the SQLite store, version 6, as the broker makes it in an empty file (a test holds
-- the two against each other). Beside it: journal_mode=WAL, synchronous=FULL, page_size=8192,
-- of which the last 8 bytes are XXH64 of the others, seeded with the page's place in the file (little
-- endian; a page of zeros was never written). Who changes the file with another program makes pages
-- that the broker takes for damaged.
--
-- Every table is an ordered map of rows; what keys and values mean is said in broker/store/rows.h.
--
--   key      1 to 96 bytes, ordered bytewise; where it is INTEGER: 8 bytes, as a number less 2^63
--   version  1 for a new row, one more with every put
--   sum      XXH64 of the value, seeded with XXH64 of the key, seeded with the table's number in
--            broker/store/store.h; as a signed number
--   value    at most 1 MiB
--
-- The page size, measured with bench_store (two cores, ext4, best of five, in seconds; small = 84,000
-- rows of 300 bytes, large = 6,000 rows of 7 KB, random keys, 20 commits each):
--
--   page size            4096    8192   16384
--   small insert        1.201   1.056   0.868
--   small update        1.157   1.391   1.336
--   small get           0.246   0.189   0.176
--   large insert        0.304   0.293   0.504
--   large update        0.350   0.338   0.521
--   large get           0.168   0.129   0.143
--   large file in MB     52.8    56.4   112.7
--
-- WITHOUT ROWID where rows are small: the key's tree is the table, one search per row. Large rows would
-- make that tree deep (a page holds few of them, on every level), so they lie in the order they come,
-- with an index of their keys. Measured the same way on a busier machine, medians of three:
--
--   large rows           WITHOUT ROWID   with an index of keys
--   insert                       0.675                   0.299
--   update                       0.676                   0.344
--   get                          0.266                   0.104
--   file in MB                    56.4                    49.6
--
-- Links of the chain are counted, and so are the rows of progress and statements of collection, so their key is SQLite's own row number,
-- and no index is written for them: one page less with every commit.

PRAGMA application_id=1397444657; -- "SKP1"
PRAGMA user_version=6;            -- a broker refuses versions it does not know

CREATE TABLE meta(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE participant(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE record(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE agreement(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE batch(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE bundle(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE page(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE case_page(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE mailbox(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE entry(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE waiting(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE deadline(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE round(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE journal(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE commit_link(key INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE open_page(key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE case_progress(key INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE statement(key INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
