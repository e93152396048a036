use super::reader::{LARGEST_HEAD, Malformed};

/// A body in chunks (RFC 9112, section 7.1), read byte by byte where it is framing and as a whole where it
/// is data. Extensions and trailer fields are passed over; nothing is kept.
#[derive(Debug)]
pub(super) struct Chunks {
    at: At,
    /// Data bytes left of this chunk, or the size as far as read.
    size: u64,
    /// Bytes of the size line at hand, or of the trailer, so far.
    extra: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first digit of a size.
    Size,
    /// After at least one digit.
    Digits,
    /// After blanks that follow the digits.
    Blanks,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    /// At the start of a line of the trailer.
    Trailer,
    Field,
    FieldEnd,
    LastEnd,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self { at: At::Size, size: 0, extra: 0 }
    }

    /// Takes what belongs to the body off `input`, and hands on its data; says whether that was all of it.
    pub(super) fn feed(
        &mut self,
        input: &mut &[u8],
        mut data: impl FnMut(&[u8]),
    ) -> Result<bool, Malformed> {
        while let [byte, rest @ ..] = *input {
            if self.at == At::Data {
                let take = usize::try_from(self.size).map_or(input.len(), |n| n.min(input.len()));
                let (piece, rest) = input.split_at(take);
                data(piece);
                *input = rest;
                self.size -= take as u64;
                if self.size == 0 {
                    self.at = At::DataReturn;
                }
                continue;
            }
            *input = rest;
            if self.framing(*byte)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether this byte is the last.
    fn framing(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.at = match (self.at, byte) {
            (At::Size | At::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // Zeros change no size, and may not go on for ever.
                self.spend()?;
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let grown = self.size.checked_mul(16).ok_or(Malformed::Framing)?;
                self.size = grown + u64::from(digit);
                At::Digits
            }
            (At::Digits | At::Blanks, b' ' | b'\t') => {
                self.spend()?;
                At::Blanks
            }
            (At::Digits | At::Blanks, b';') => At::Extension,
            (At::Digits | At::Blanks | At::Extension, b'\r') => At::SizeEnd,
            (At::Extension, byte) if byte != b'\n' => {
                self.spend()?;
                At::Extension
            }
            (At::SizeEnd, b'\n') => {
                self.extra = 0;
                if self.size == 0 { At::Trailer } else { At::Data }
            }
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size,
            (At::Trailer, b'\r') => At::LastEnd,
            (At::Field, b'\r') => At::FieldEnd,
            (At::Trailer | At::Field, byte) if byte != b'\n' => {
                self.spend()?;
                At::Field
            }
            (At::FieldEnd, b'\n') => At::Trailer,
            (At::LastEnd, b'\n') => return Ok(true),
            _ => return Err(Malformed::Framing),
        };
        Ok(false)
    }

    fn spend(&mut self) -> Result<(), Malformed> {
        self.extra += 1;
        if self.extra > LARGEST_HEAD { Err(Malformed::HeadTooLarge) } else { Ok(()) }
    }
}
