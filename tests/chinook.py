"""Chinook, a published database that many know: the file itself where it is at hand (beside the
repository, or where ELECTRIC_CHINOOK says), else one like it, made up."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

_BESIDE: Final = Path("shared/data/chinook.sqlite")

_TABLES: Final = """
CREATE TABLE [Album] ([AlbumId] INTEGER NOT NULL, [Title] NVARCHAR(160) NOT NULL,
    [ArtistId] INTEGER NOT NULL, CONSTRAINT [PK_Album] PRIMARY KEY ([AlbumId]),
    FOREIGN KEY ([ArtistId]) REFERENCES [Artist] ([ArtistId]) ON DELETE NO ACTION);
CREATE TABLE [Artist] ([ArtistId] INTEGER NOT NULL, [Name] NVARCHAR(120),
    CONSTRAINT [PK_Artist] PRIMARY KEY ([ArtistId]));
CREATE TABLE [Employee] ([EmployeeId] INTEGER NOT NULL, [LastName] NVARCHAR(20) NOT NULL,
    [ReportsTo] INTEGER, [HireDate] DATETIME, CONSTRAINT [PK_Employee] PRIMARY KEY ([EmployeeId]),
    FOREIGN KEY ([ReportsTo]) REFERENCES [Employee] ([EmployeeId]));
CREATE TABLE [Customer] ([CustomerId] INTEGER NOT NULL, [Company] NVARCHAR(80),
    [Phone] NVARCHAR(24), [SupportRepId] INTEGER,
    CONSTRAINT [PK_Customer] PRIMARY KEY ([CustomerId]),
    FOREIGN KEY ([SupportRepId]) REFERENCES [Employee] ([EmployeeId]));
CREATE TABLE [Track] ([TrackId] INTEGER NOT NULL, [Name] NVARCHAR(200) NOT NULL, [AlbumId] INTEGER,
    [Milliseconds] INTEGER NOT NULL, [UnitPrice] NUMERIC(10,2) NOT NULL,
    CONSTRAINT [PK_Track] PRIMARY KEY ([TrackId]),
    FOREIGN KEY ([AlbumId]) REFERENCES [Album] ([AlbumId]));
CREATE TABLE [PlaylistTrack] ([PlaylistId] INTEGER NOT NULL, [TrackId] INTEGER NOT NULL,
    CONSTRAINT [PK_PlaylistTrack] PRIMARY KEY ([PlaylistId], [TrackId]),
    FOREIGN KEY ([TrackId]) REFERENCES [Track] ([TrackId]));
CREATE INDEX [IFK_AlbumArtistId] ON [Album] ([ArtistId]);
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 275)
INSERT INTO Artist SELECT n, 'Artist ' || n FROM n;
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
INSERT INTO Album SELECT n, 'Söngs ' || n, 1 + n * 7 % 200 FROM n;
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 8)
INSERT INTO Employee SELECT 9 - n, 'Adams', CASE WHEN n < 8 THEN 10 - n - (n = 1) * 8 END,
    '2002-08-14 00:00:00' FROM n;
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 59)
INSERT INTO Customer SELECT n, NULL, '+1 (780) ' || n, 1 + n % 8 FROM n;
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3500)
INSERT INTO Track SELECT n, 'Track ' || n, 1 + n % 200, n * 1000, 0.99 + n % 2 FROM n;
INSERT INTO PlaylistTrack SELECT 1 + TrackId % 3, TrackId FROM Track;
"""


def find_chinook() -> Path | None:
    """The published file, if it is at hand."""
    named = os.environ.get("ELECTRIC_CHINOOK")
    above = Path(__file__).resolve().parents
    places = [Path(named)] if named else [folder / _BESIDE for folder in above]
    return next((place for place in places if place.is_file()), None)


def copy_chinook(path: Path) -> Path:
    """A file of one's own with its tables and rows."""
    found = find_chinook()
    if found is not None:
        path.write_bytes(found.read_bytes())
    else:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(_TABLES)
    return path


def tables_of(database: sqlite3.Connection) -> list[str]:
    """The names of a file's own tables."""
    rows = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE"
        " '\\' AND name NOT LIKE '\\_electric\\_%' ESCAPE '\\' ORDER BY name"
    )
    return [name for (name,) in rows]
