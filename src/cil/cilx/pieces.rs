//! Products and computers in pieces, read by several threads.
//!
//! Threads begin at places where a record seems to begin. What one has read counts only if the reader before it arrived
//! exactly there, between two records; so a `<Product>` inside a comment or a foreign element misleads nobody.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::cil::error::CilError;
use crate::cil::values::MAX_RECORDS;
use crate::cil::xml::{Child, Cursor};
use crate::cil::{Progress, Watch};
use crate::model::{Foreign, ForeignParts};

use super::reader::keep;
use super::record::{Context, RawWarning, Record, read_record, sanitised, unusable};
use super::scope::Scope;

/// Records are handed to threads in pieces of about this many bytes.
const PIECE: usize = 512 << 10;

/// A kind of record of which a list may have a million.
pub(in crate::cil) trait Bulk<'a>: Record<'a> {
    /// The element that holds them.
    const CONTAINER: &'static str;
    /// Their own element, and how it begins.
    const TAG: &'static str;
    /// See [`Bulk::TAG`].
    const START: &'static str;
    /// For messages.
    const PLURAL: &'static str;
    /// A record as the file has it.
    type Row: Send;

    /// A record without values yet.
    fn new() -> Self;
    /// Why the record cannot be used, if it cannot.
    fn flaw(&self) -> Option<&'static str>;
    /// The record; `at` is where its tag begins.
    fn finish(self, at: usize, foreign: Foreign) -> Self::Row;
}

/// What one piece of the records holds.
pub(super) struct Piece<Row> {
    pub rows: Vec<Row>,
    pub foreign: ForeignParts,
    pub warnings: Vec<RawWarning>,
    pub more_warnings: usize,
    pub end: PieceEnd,
}

pub(super) enum PieceEnd {
    /// The next child of the container begins here.
    Before(usize),
    /// The container was closed; this is the place after its end tag.
    Closed(usize),
}

/// Where pieces begin: the place itself, and seeming records after it.
pub(super) fn piece_starts<'a, R: Bulk<'a>>(text: &'a str, from: usize) -> Vec<usize> {
    let mut starts = vec![from];
    let mut next = from + PIECE;
    while let Some(bytes) = text.as_bytes().get(next..) {
        // A character may begin earlier: `<` never does.
        let Some(ahead) = bytes.iter().position(|b| *b == b'<') else {
            break;
        };
        let Some(found) = text.get(next + ahead..).and_then(|rest| rest.find(R::START)) else {
            break;
        };
        starts.push(next + ahead + found);
        next += ahead + found + PIECE;
    }
    starts
}

pub(super) type PieceResult<Row> = Option<Result<Piece<Row>, CilError>>;

pub(super) fn read_pieces<'a, R: Bulk<'a>>(
    text: &'a str,
    starts: &[usize],
    scope: &Scope,
    watch: &Watch<'_>,
) -> Result<Vec<PieceResult<R::Row>>, CilError> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8)
        .min(starts.len());
    let results: Mutex<Vec<PieceResult<R::Row>>> = Mutex::new(starts.iter().map(|_| None).collect());
    let (next, done) = (
        AtomicUsize::new(0),
        AtomicUsize::new(starts.first().copied().unwrap_or(0)),
    );
    let (cancelled, finished) = (AtomicBool::new(false), AtomicBool::new(false));
    let (records, beyond) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut context = Context::new();
        while !finished.load(Ordering::Relaxed) && !cancelled.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(&start) = starts.get(i) else { break };
            let stop = starts.get(i + 1).copied().unwrap_or(usize::MAX);
            let piece = read_piece::<R>(Cursor::guess_at(text, start), stop, scope, &mut context);
            let end = match &piece {
                Ok(Piece {
                    end: PieceEnd::Before(end) | PieceEnd::Closed(end),
                    ..
                }) => *end,
                Err(_) => start,
            };
            if let Ok(piece) = &piece {
                let count = piece.rows.len() + piece.foreign.elements.len();
                if records.fetch_add(count, Ordering::Relaxed) + count > MAX_RECORDS {
                    beyond.fetch_max(start.max(1), Ordering::Relaxed);
                    finished.store(true, Ordering::Relaxed);
                }
            }
            if i == 0
                && !matches!(
                    &piece,
                    Ok(Piece {
                        end: PieceEnd::Before(_),
                        ..
                    })
                )
            {
                // The first piece is certain: nothing after its end or error can count.
                finished.store(true, Ordering::Relaxed);
            }
            if let Ok(mut results) = results.lock()
                && let Some(slot) = results.get_mut(i)
            {
                *slot = Some(piece);
            }
            let done = done.fetch_add(end - start, Ordering::Relaxed) + (end - start);
            let progress = Progress {
                done: done.min(text.len()) as u64,
                total: text.len() as u64,
            };
            if let ControlFlow::Break(()) = watch(progress) {
                cancelled.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    if cancelled.into_inner() {
        return Err(CilError::Cancelled);
    }
    match beyond.into_inner() {
        0 => Ok(results.into_inner().unwrap_or_default()),
        at => Err(CilError::too_many(text, at, R::PLURAL)),
    }
}

/// Reads records up to `stop` or the end of their container. `context` keeps its texts for the next piece.
pub(super) fn read_piece<'a, R: Bulk<'a>>(
    mut cursor: Cursor<'a>,
    stop: usize,
    scope: &Scope,
    context: &mut Context,
) -> Result<Piece<R::Row>, CilError> {
    // Left behind by a piece that failed.
    context.warnings.clear();
    context.more_warnings = 0;
    let mut rows = Vec::new();
    let mut foreign = ForeignParts::default();
    let end = loop {
        let at = cursor.position();
        let child = match cursor.plain_open(R::TAG) {
            Some(child) => Child::Open(child),
            None => cursor.child()?,
        };
        match child {
            Child::Open(child) if child.start >= stop => break PieceEnd::Before(child.start),
            Child::Open(child) if child.name == R::TAG => {
                let mut record = R::new();
                let parts = read_record(&mut cursor, &child, scope, context, &mut record)?;
                if let Some(flaw) = record.flaw() {
                    context.warn(child.start, child.name, unusable(flaw));
                    let raw = cursor.slice(child.start, cursor.position());
                    foreign.elements.push((child.name.to_owned(), sanitised(raw)));
                } else {
                    rows.push(record.finish(child.start, Foreign::new(parts)));
                }
            }
            Child::Open(child) => keep(&mut foreign, &mut cursor, &child)?,
            Child::Close(name) if name == R::CONTAINER => break PieceEnd::Closed(cursor.position()),
            Child::Close(name) => return Err(cursor.crossed(at, R::CONTAINER, name)),
            Child::Stray(at) => context.warn(at, R::CONTAINER, "text outside of any element was left out"),
            Child::End => return Err(cursor.truncated(cursor.position())),
        }
    };
    Ok(Piece {
        rows,
        foreign,
        warnings: std::mem::take(&mut context.warnings),
        more_warnings: std::mem::take(&mut context.more_warnings),
        end,
    })
}
