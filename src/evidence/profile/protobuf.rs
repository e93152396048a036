//! The wire format of protocol buffers, as far as profiles use it.

/// A field's number and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// An integer.
    Varint(u64),
    /// A text, a message, or packed integers.
    Bytes(&'a [u8]),
    /// Eight or four bytes, which profiles do not use.
    Fixed,
}

/// The fields of a message one after the other.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

const BROKEN: &str = "it is not a pprof profile: its bytes are no protocol buffer";

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field().ok_or_else(|| BROKEN.to_owned());
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Field::Varint(varint(&mut self.0)?),
            1 => self.skip(8)?,
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Field::Bytes(bytes)
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn skip(&mut self, length: usize) -> Option<Field<'a>> {
        self.0 = self.0.split_at_checked(length)?.1;
        Some(Field::Fixed)
    }
}

/// A repeated integer, packed or not.
pub(super) fn integers(field: Field<'_>, list: &mut Vec<u64>) -> Result<(), String> {
    match field {
        Field::Varint(value) => list.push(value),
        Field::Bytes(mut bytes) => {
            while !bytes.is_empty() {
                list.push(varint(&mut bytes).ok_or(BROKEN)?);
            }
        }
        Field::Fixed => return Err(BROKEN.to_owned()),
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_all_kinds_are_read_and_broken_ones_end_the_message() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x20, 0x80];
        let fields: Vec<_> = Fields(&bytes).collect();
        assert_eq!(fields[0], Ok((1, Field::Varint(150))));
        assert_eq!(fields[1], Ok((2, Field::Bytes(b"hi"))));
        assert_eq!(fields[2], Ok((3, Field::Fixed)));
        assert!(fields[3].is_err() && fields.len() == 4);
        let mut list = Vec::new();
        integers(Field::Bytes(&[1, 0x80, 0x01]), &mut list).unwrap();
        integers(Field::Varint(7), &mut list).unwrap();
        assert_eq!(list, [1, 128, 7]);
        assert!(integers(Field::Bytes(&[0x80]), &mut list).is_err());
    }
}
