-- Checkpoints: signed notes over the Merkle tree of the events, beside `event` and `personal` the third part of the record.
--
-- A note is C2SP's signed-note with the text of a tlog-checkpoint: origin, number of events, RFC 6962 root. It says what the journal
-- was at that size, so it is neither changed nor taken away, and sizes only grow.

CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY CHECK (size > 0),
    note TEXT NOT NULL
) STRICT;

-- As with events, demanding what comes next also stops INSERT OR REPLACE.
CREATE TRIGGER checkpoint_is_appended BEFORE INSERT ON checkpoint
BEGIN
    SELECT RAISE(ABORT, 'a checkpoint is only ever appended')
    WHERE NEW.size <= coalesce((SELECT max(size) FROM checkpoint), 0);
    SELECT RAISE(ABORT, 'a checkpoint is about events that are there')
    WHERE NEW.size IS NOT (SELECT max(seq) + 1 FROM event);
END;

CREATE TRIGGER checkpoint_is_not_updated BEFORE UPDATE ON checkpoint
BEGIN
    SELECT RAISE(ABORT, 'a checkpoint is never changed');
END;

CREATE TRIGGER checkpoint_is_not_deleted BEFORE DELETE ON checkpoint
BEGIN
    SELECT RAISE(ABORT, 'a checkpoint is never deleted');
END;
