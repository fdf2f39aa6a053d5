"""Everything that can grow, how far we let it, and why that far. Units come last in the names."""

from typing import Final

# The stream
FRAME_BYTES_MAX: Final = 64 << 20  # the largest row, and room to spare
ROW_BYTES_MAX: Final = 32 << 20  # of its text and blobs: every device has it in memory
PART_BYTES: Final = 1 << 20  # deltas travel in parts of about this size
PIECE_BYTES: Final = 4 << 10  # of a frame; comes within 4 s at LINK_BYTES_PER_S_MIN
PIECES_MAX: Final = 2_000  # devices take 4,096; of a frame over 8 MB the pieces are larger
UPLOAD_PART_BYTES: Final = PIECE_BYTES
LINK_BYTES_PER_S_MIN: Final = 1_000  # slower ones take nothing large up or down
PART_ROWS_MAX: Final = 5_000  # one part decodes in a few milliseconds
COMPRESS_BYTES_MIN: Final = 4 << 10  # below this zstd costs more than it saves
COMPRESS_LEVEL: Final = 3  # measured: higher levels cost more CPU than they save network
TRANSACTION_BYTES_MAX: Final = (
    256 << 20
)  # encoded; what a service is willing to hold for one device
TRANSACTION_CHANGES_MAX: Final = 1_000_000  # merging needs about 2 KiB of memory for each
WRITTEN_BYTES_MAX: Final = 192 << 20  # on a device, from here a transaction takes nothing more
CHANGE_BYTES_MIN: Final = 269  # that a change counts for there, besides its text and blobs
WEIGHED_BYTES: Final = 256 << 10  # a smaller change counts by chance, in proportion to its size
CHANGE_GROUPS_MAX: Final = 100_000  # of a transaction: changes alike in table, columns and life
COLUMNS_MAX: Final = 1_000  # of a table; so many INTEGERs fill a row's page in Postgres
KEY_COLUMNS_MAX: Final = 32  # Postgres has no wider indexes
MIXED_COLUMN_BYTES_MAX: Final = 1 << 20  # of text and blobs in one column; no table of ours has it
IN_FLIGHT_TRANSACTIONS_MAX: Final = 1_000  # sent and not yet acknowledged, per device
IN_FLIGHT_BYTES_MAX: Final = 8 << 20  # the same in bytes; one transaction may exceed it alone
CONNECTIONS_MAX: Final = 10_000  # device streams of one service process
SPARE_DESCRIPTORS: Final = 256  # of a service for Postgres, files, and calls of the HTTP API
FRAGMENTS_MAX: Final = 1_024  # of one WebSocket message
UNSENT_FRAMES_MAX: Final = 64  # frames waiting for one slow device before it is skipped ahead
UNSENT_BYTES_MAX: Final = 256 << 10  # the same in bytes; what exceeds it may be one delta, or part
UNSENT_PIECES_BYTES: Final = 64 << 10  # of a frame, copied for one connection; others have a turn
ENGINE_CHECKPOINT_PAGES: Final = 500  # of WAL; programs' own writes do it from 1,000 pages on
ENGINE_CACHE_KIB: Final = 32 << 10  # of pages; a first sync is 1.7 times as fast as with 2 MiB
KEYS_LOOKED_UP_MAX: Final = 100  # of a table's unsent changes; for more keys they are read whole
FORGOTTEN_LIVES_MIN: Final = 1_000  # so many dead rows a device lists before it forgets any
LARGE_DELTA_ROWS_MIN: Final = 2_000  # from here a device applies a delta without capture triggers
STEP_MS: Final = 3  # of a device's transaction while it stages: whoever else writes waits for it
STEP_PAUSE_MS: Final = 10  # between two while others write: they look after 0, 1, 3, 8, 18, 33 ms
PAUSES_PER_STEP: Final = 2  # at least, on a busy machine, where steps take longer than they should
STEP_PAUSE_MS_MAX: Final = 30  # whoever waits looks at least each 25 ms, for the first 100 ms
STEP_PAUSE_ALONE_MS: Final = 1  # the same while nobody else writes
COURTESY_MS: Final = 1_000  # for so long after somebody has written, others are taken to write
IN_PLACE_ROWS_MAX: Final = 2_000  # of a delta, written while programs wait: 8 ms; 40 if scattered
IN_PLACE_HUGE_ROWS_MAX: Final = 5_000  # the same where it spares copying a huge table: 16 to 100 ms
MERGED_WEIGHT: Final = 20  # of a row with unsent changes, against one that is just written
LATE_ROWS_MAX: Final = 25  # with unsent changes, merged while programs wait: 3 to 7 ms
COPIED_PER_ROW_MAX: Final = 100  # rows that are copied aside to spare programs one row in place
HELD_DELTA_BYTES_MAX: Final = 64 << 20  # a larger delta is read for each device alone, at its pace
LIVE_DELTA_BYTES_MAX: Final = 16 << 20  # the same, if fewer devices share it than it has parts
LIVE_DELTA_ROWS_MAX: Final = 20_000  # the same for a device that comes back, as an estimate
CATCH_UPS_MAX: Final = 8  # devices of one environment that are served large deltas at a time
CATCH_UP_PATIENCE_MS: Final = 2_000  # a device that takes nothing for so long is served later
SHARED_DELTA_BYTES_MIN: Final = 4 << 10  # from here a delta is the same bytes for all devices
DOWNLOADS_BYTES_MAX: Final = 256 << 20  # that wait for all devices, each frame counted once
UPLOADS_BYTES_MAX: Final = 512 << 20  # of all devices' transactions that are coming in
CHANGE_BYTES: Final = 1 << 10  # what a change takes in memory besides its values, about
MERGE_QUEUE_BYTES_MAX: Final = 256 << 20  # beyond this a service stops reading uploads

UP_FRAME_BYTES_MAX: Final = 2 * PART_BYTES  # of a device: it cuts what it uploads into parts
UPLOAD_PARTS_MAX: Final = TRANSACTION_BYTES_MAX // UPLOAD_PART_BYTES
FRAMES_IN_A_TURN: Final = 32  # of one device, until the others have theirs
HELLOS_MAX: Final = 8  # of one connection; a device that starts over or reconciles needs three
CURSOR_CHARS_MAX: Final = 64 << 10  # room for 3,000 running transactions at the hub
VERSION_CHARS_MAX: Final = 255  # a schema version is the name of a folder

# Time
HEARTBEAT_MS: Final = 3_000  # who has said nothing for so long says that it is there
SERVICE_SILENCE_MS_MAX: Final = 7_000  # after two heartbeats a device connects anew
DEVICE_SILENCE_MS_MAX: Final = 7_000  # the same for a service, which does not hear the device
UNTAKEN_MS_MAX: Final = 25_000  # of what a device's machine does not even acknowledge
CLOCK_GAP_MS_MAX: Final = 2_000  # who looks at the clock less often was not listening, either
STUCK_MS_MAX: Final = 60_000  # a stream that owes something all the time is begun anew
PLACE_MS: Final = 10_000  # how often it is told and noted how far a device is
HANDSHAKE_MS_MAX: Final = 5_000  # from accept to hello
CONNECT_MS_MAX: Final = 5_000  # until a connection is there
CLOSE_MS_MAX: Final = 2_000  # for the last frames to leave, and for the peer to close too
RECONNECT_MS_MIN: Final = 100
RECONNECT_MS_MAX: Final = 3_000  # with CONNECT_MS_MAX: within 10 s after a service is back
RECONNECT_REFUSED_MS_MAX: Final = 8_000  # the service is there, and can't take us just now
RECONNECT_HOPELESS_MS_MAX: Final = 30_000  # somebody has to do something about it
POSTGRES_RETRY_MS_MAX: Final = 500  # one attempt of an environment at a time, of up to 5 s
LOCAL_POLL_MS: Final = 20  # how soon a write by another program is noticed on the device
HUB_POLL_MS_MIN: Final = 5  # how soon a direct write is noticed while there is traffic
HUB_POLL_MS_MAX: Final = 50  # the same on an idle hub
BUSY_TIMEOUT_MS: Final = 10_000  # SQLite: how long a writer waits for another one
CLOCK_AHEAD_MS_MAX: Final = 60_000  # a device clock further ahead of the hub is cut back
POSTGRES_SILENCE_MS_MAX: Final = 5_000  # for an answer that takes a millisecond
LOCK_WAIT_MS: Final = 500  # a merge gives way before Postgres' deadlock check (1 s) picks a victim
DRAIN_MS_MAX: Final = 10_000  # after SIGTERM, until open work is cut off

# The hub
QUARANTINE_LISTED_MAX: Final = 1_000  # transactions in one answer, the oldest first
QUARANTINE_SHOWN_MAX: Final = 1_000  # changes of one transaction in an answer
SHOWN_CHARACTERS_MAX: Final = 1_000  # of one value in such an answer
REFUSAL_CHARACTERS_MAX: Final = 1_000  # of the reason that is kept
OFFERED_ROWS_MAX: Final = 100  # in one piece of what a hub that was put back is offered
KNOWN_CLOCKS_MAX: Final = 100_000  # of transactions, kept in memory: about 20 MB
HUB_CONNECTIONS_MAX: Final = 16  # of one service process to one environment's database
REGISTRATIONS_MAX: Final = 4  # devices of an environment whose hello is looked at, at a time
SNAPSHOTS_KEPT_MAX: Final = 100  # most transactions that come together name the same one
LONG_WORK_ROWS_MIN: Final = 1_000  # merging them takes 20 ms: from here in a thread
STATEMENTS_MAX: Final = 1_000  # of each kind whose text is kept; prepared ones of a connection

DEVICE_EXPIRY_DAYS: Final = 90  # unseen; then the hub may forget what the device has not received
MARKED_TRANSACTIONS: Final = 32  # that a cursor's mark is made of: those of some milliseconds
PASSED_IDS_MAX: Final = 10_000_000  # that a cluster is made to give out to nobody: about 100 s
PASSED_IDS_MARGIN: Final = 100_000  # besides: of other transactions that devices' cursors may see
CLEANING_MS: Final = 60_000  # between two looks at what may be forgotten
CLEANED_ROWS_MAX: Final = 1_000  # of a table in one statement, which takes a few milliseconds

MIGRATION_ATTEMPTS_MAX: Final = 50  # of LOCK_WAIT_MS each: about 30 s
SCRATCH_STEPS_MAX: Final = 10_000_000  # of SQLite's, for a statement of a migration: about 1 s
SCRATCH_PAGES_MAX: Final = 65_536  # of 4 KiB, where migrations are tried; 256 MiB

# Merging
MERGE_CHANGES_MAX: Final = 5_000  # of several transactions in one Postgres transaction
MERGE_TRANSACTIONS_MAX: Final = 1_000  # the id of a merged transaction has 10 bits for it

# Adopting a file's rows: transactions of
ADOPTED_ROWS_MAX: Final = 1_000
ADOPTED_UNIQUE_ROWS_MAX: Final = 50  # of tables with UNIQUE rules: one row may quarantine them all
ADOPTED_BYTES_MAX: Final = 4 << 20

# Comparing a device's file with its hub
BUCKETS_MAX: Final = 4_096  # of a table, for its digest: 32 KiB
BUCKET_ROWS: Final = 64  # about; a table has as many buckets as it takes
COMPARED_ROWS: Final = 5_000  # about; of a table's buckets that differ, looked at with one question
COMPARED_ROWS_MAX: Final = 50_000  # what a service answers at a time
DIFFERENCES_MAX: Final = 1_000  # rows that are named

# The HTTP API
REQUEST_BYTES_MAX: Final = 32 << 20
TOKEN_TTL_S: Final = 30 * 24 * 3600
TOKEN_TTL_S_MAX: Final = 366 * 24 * 3600
TOKEN_CHARS_MAX: Final = 8 << 10  # what proxies let through in one header
HEAD_BYTES_MAX: Final = 32 << 10  # of a request: its first line and all headers
REQUEST_MS_MAX: Final = 60_000  # for a body to come; 32 MiB need 4.5 Mbit/s

# Names and files
SLUG_LENGTH_MAX: Final = 64
IDENTIFIER_BYTES_MAX: Final = 63  # Postgres truncates beyond

assert CATCH_UPS_MAX + REGISTRATIONS_MAX < HUB_CONNECTIONS_MAX, "merging and fan-out find room"
assert min(SERVICE_SILENCE_MS_MAX, DEVICE_SILENCE_MS_MAX) >= 2 * HEARTBEAT_MS
assert 1_500 * PIECE_BYTES / LINK_BYTES_PER_S_MIN < SERVICE_SILENCE_MS_MAX, "half a piece to spare"
assert 1_500 * UPLOAD_PART_BYTES / LINK_BYTES_PER_S_MIN < DEVICE_SILENCE_MS_MAX
assert RECONNECT_MS_MAX + CONNECT_MS_MAX <= 8_000, "nobody is stuck for longer than 10 s"
assert max(SERVICE_SILENCE_MS_MAX, HANDSHAKE_MS_MAX) <= 8_000, "nor by a dead connection"
assert DEVICE_SILENCE_MS_MAX <= 8_000, "nor by one that is dead, or out of step, on the way up"
assert MERGE_TRANSACTIONS_MAX < 1 << 10, "transaction ids number the merged ones with 10 bits"
assert PIECE_BYTES < UNSENT_PIECES_BYTES < PART_BYTES < FRAME_BYTES_MAX
assert 2 * ROW_BYTES_MAX <= FRAME_BYTES_MAX, "whatever else a part says of its one row"
# Of what is counted by chance the deviation is 4 %: 4 of them, and the largest row, are left.
assert 1.16 * WRITTEN_BYTES_MAX + ROW_BYTES_MAX <= TRANSACTION_BYTES_MAX
assert TRANSACTION_BYTES_MAX // CHANGE_BYTES_MIN <= TRANSACTION_CHANGES_MAX
assert BUCKETS_MAX & (BUCKETS_MAX - 1) == 0, "a bucket is halved into two buckets"
