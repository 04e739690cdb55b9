//! The sizes that an aws-chunked body announces. A signed chunk has to be read as a whole before its signature can be
//! checked: one of gigabytes would fill the memory.

/// The largest chunk.
pub const MAX_CHUNK: u64 = 16 << 20;
/// The longest line that announces one.
const MAX_LINE: usize = 1024;

/// A chunk that is too large, or a body that is not of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is too large.
    #[error("aws-chunked: TooLarge")]
    TooLarge,
    /// Its announcement can't be read.
    #[error("aws-chunked: FormatError")]
    Format,
}

#[derive(Debug)]
enum State {
    Line {
        size: u64,
        digits: usize,
        in_size: bool,
        length: usize,
    },
    Data {
        left: u64,
    },
    Trailer,
}

/// Follows the chunks of a body as it passes.
#[derive(Debug)]
pub struct Guard(State);

const START: State = State::Line {
    size: 0,
    digits: 0,
    in_size: true,
    length: 0,
};

impl Default for Guard {
    fn default() -> Self {
        Self(START)
    }
}

impl Guard {
    /// Some bytes pass.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.0 {
                State::Trailer => return Ok(()),
                State::Data { left } => {
                    let skip = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    *left -= skip as u64;
                    bytes = bytes.get(skip..).unwrap_or_default();
                    if *left == 0 {
                        self.0 = START;
                    }
                }
                State::Line {
                    size,
                    digits,
                    in_size,
                    length,
                } => {
                    bytes = rest;
                    *length += 1;
                    if *length > MAX_LINE {
                        return Err(Refused::Format);
                    }
                    match first {
                        b'\n' => {
                            let size = if *digits == 0 {
                                return Err(Refused::Format);
                            } else {
                                *size
                            };
                            // The line end after the data belongs to the chunk.
                            self.0 = if size == 0 {
                                State::Trailer
                            } else {
                                State::Data { left: size + 2 }
                            };
                        }
                        b';' | b'\r' => *in_size = false,
                        digit if *in_size => {
                            let digit = char::from(*digit).to_digit(16).ok_or(Refused::Format)?;
                            *digits += 1;
                            *size = size.saturating_mul(16).saturating_add(u64::from(digit));
                            if *size > MAX_CHUNK {
                                return Err(Refused::TooLarge);
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chunk_of_gigabytes_is_refused_at_its_announcement() {
        let body = b"ffffffff;chunk-signature=0\r\n";
        assert_eq!(Guard::default().pass(body), Err(Refused::TooLarge));
        assert_eq!(Guard::default().pass(b"nothing"), Err(Refused::Format));
        assert_eq!(Guard::default().pass(b"\r\n"), Err(Refused::Format));
    }

    proptest! {
        #[test]
        fn chunks_pass_however_the_body_is_cut(
            sizes in proptest::collection::vec(1_usize..50, 0..6), cuts in proptest::collection::vec(1_usize..20, 1..20),
        ) {
            let mut body = Vec::new();
            for size in &sizes {
                body.extend(format!("{size:x};chunk-signature=abc\r\n").bytes());
                body.extend(vec![b'\n'; *size]);
                body.extend(b"\r\n");
            }
            body.extend(b"0;chunk-signature=abc\r\nx-amz-trailer:1\r\n\r\n");
            let mut guard = Guard::default();
            let mut rest = body.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                prop_assert_eq!(guard.pass(now), Ok(()));
                rest = later;
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Guard::default().pass(&bytes);
        }
    }
}
