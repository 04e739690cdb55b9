//! Writes a manifest.

use std::io::Write;

use super::{End, Entry, Head, Line, Totals};

const COMPRESSION: i32 = 3;

/// Writes a manifest line by line.
pub struct Writer<W: Write> {
    sink: zstd::Encoder<'static, W>,
    hasher: blake3::Hasher,
    totals: Totals,
    line: Vec<u8>,
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// Begins with the line about the node.
    pub fn new(sink: W, head: &Head) -> std::io::Result<Self> {
        let mut writer = Self {
            sink: zstd::Encoder::new(sink, COMPRESSION)?,
            hasher: blake3::Hasher::new(),
            totals: Totals::default(),
            line: Vec::new(),
        };
        writer.write(&Line::Head(Box::new(head.clone())))?;
        Ok(writer)
    }

    /// The next entry. They have to come in order; a reader refuses them otherwise.
    pub fn add(&mut self, entry: Entry) -> std::io::Result<()> {
        self.totals.add(&entry);
        self.write(&Line::Sst(entry))
    }

    /// The last line. What was uploaded is not seen in the entries, and is given here.
    pub fn finish(mut self, new_bytes: u64, new_blobs: u64) -> std::io::Result<(W, Totals)> {
        let totals = Totals {
            new_bytes,
            new_blobs,
            ..self.totals
        };
        let digest = self.hasher.finalize().into();
        self.write(&Line::End(End { totals, digest }))?;
        Ok((self.sink.finish()?, totals))
    }

    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.hasher.update(&self.line);
        self.sink.write_all(&self.line)
    }
}
