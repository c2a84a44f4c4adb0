//! Protocol buffers' text format, as far as TensorFlow's small state files need it: a message's fields and their strings.
//!
//! As `google/protobuf/text_format` reads it, but for one thing: a backslash that begins no escape is taken for itself,
//! for people write Windows paths by hand.

/// Messages within messages, before it must be nonsense.
const MAX_DEPTH: usize = 50;

/// A field of a message; of a list, one of its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: String,
    /// The bytes of a string, unescaped; `None` for a number, a word or a message.
    pub string: Option<Vec<u8>>,
}

/// The fields of the message in `text`, in their order, and where it stops to be one, if it does.
pub(crate) fn fields(text: &str) -> (Vec<Field>, Result<(), String>) {
    let mut reader = Reader { text: text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes(), at: 0 };
    let mut fields = Vec::new();
    let read = reader.message(None, &mut fields, 0).map_err(|what| {
        let line = 1 + reader.text[..reader.at].iter().filter(|&&byte| byte == b'\n').count();
        format!("{what} in line {line}")
    });
    (fields, read)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    /// Fields up to `end`, or to the end of the text.
    fn message(&mut self, end: Option<u8>, fields: &mut Vec<Field>, depth: usize) -> Read<()> {
        if depth > MAX_DEPTH {
            return Err("too many messages lie in each other");
        }
        loop {
            self.skip();
            let next = self.peek();
            if next == end {
                self.at += usize::from(end.is_some());
                return Ok(());
            }
            if next.is_none() {
                return Err("a message does not end");
            }
            let name = self.name()?;
            self.skip();
            let colon = self.take(b':');
            self.skip();
            match self.peek() {
                Some(b'[') => self.list(&name, fields, depth)?,
                Some(b'{' | b'<') => self.value(&name, fields, depth)?,
                Some(_) if colon => self.value(&name, fields, depth)?,
                Some(_) => return Err("a colon is missing"),
                None => return Err("a value is missing"),
            }
            self.skip();
            let _ = self.take(b',') || self.take(b';');
        }
    }

    /// The name of a field; an extension's in its brackets.
    fn name(&mut self) -> Read<String> {
        let start = self.at;
        if self.take(b'[') {
            self.pass(|byte| byte != b']');
            if !self.take(b']') {
                return Err("the name of an extension does not end");
            }
        } else {
            self.word();
        }
        match self.text.get(start..self.at) {
            Some(name) if !name.is_empty() => Ok(String::from_utf8_lossy(name).into_owned()),
            _ => Err("there is no name of a field"),
        }
    }

    fn list(&mut self, name: &str, fields: &mut Vec<Field>, depth: usize) -> Read<()> {
        self.at += 1;
        self.skip();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.skip();
            self.value(name, fields, depth)?;
            self.skip();
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err("a list does not end");
            }
        }
    }

    fn value(&mut self, name: &str, fields: &mut Vec<Field>, depth: usize) -> Read<()> {
        let string = match self.peek() {
            Some(open @ (b'{' | b'<')) => {
                self.at += 1;
                let close = if open == b'{' { b'}' } else { b'>' };
                self.message(Some(close), &mut Vec::new(), depth + 1)?;
                None
            }
            Some(b'"' | b'\'') => Some(self.strings()?),
            _ => {
                let start = self.at;
                if self.take(b'-') {
                    self.skip();
                }
                self.word();
                if self.at == start {
                    return Err("a value is missing");
                }
                None
            }
        };
        fields.push(Field { name: name.to_owned(), string });
        Ok(())
    }

    /// Literals that stand side by side are one string.
    fn strings(&mut self) -> Read<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(quote @ (b'"' | b'\'')) = self.peek() {
            self.at += 1;
            loop {
                let byte = self.peek().filter(|&byte| byte != b'\n').ok_or("a string does not end")?;
                self.at += 1;
                match byte {
                    b'\\' => self.escape(&mut bytes),
                    _ if byte == quote => break,
                    _ => bytes.push(byte),
                }
            }
            self.skip();
        }
        Ok(bytes)
    }

    /// What stands behind a backslash.
    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let start = self.at;
        let Some(kind) = self.peek() else {
            return;
        };
        self.at += 1;
        let unescaped = match kind {
            b'\\' | b'\'' | b'"' | b'?' => Some(vec![kind]),
            b'0'..=b'7' => {
                self.at = start;
                self.digits(8, 1..=3).map(|number| vec![number as u8])
            }
            b'x' | b'X' => self.digits(16, 1..=2).map(|number| vec![number as u8]),
            b'u' => self.character(4).map(|char| char.to_string().into_bytes()),
            b'U' => self.character(8).map(|char| char.to_string().into_bytes()),
            _ => {
                let letter = b"abfnrtv".iter().position(|&letter| letter == kind);
                letter.map(|at| vec![b"\x07\x08\x0c\n\r\t\x0b"[at]])
            }
        };
        if unescaped.is_none() {
            self.at = start;
        }
        bytes.extend(unescaped.unwrap_or_else(|| vec![b'\\']));
    }

    /// A character of so many hexadecimal digits, or of two such numbers, as UTF-16 writes those beyond U+FFFF.
    fn character(&mut self, length: usize) -> Option<char> {
        let number = self.digits(16, length..=length)?;
        if !(0xd800..0xdc00).contains(&number) {
            return char::from_u32(number);
        }
        (self.take(b'\\') && self.take(b'u')).then_some(())?;
        let low = self.digits(16, 4..=4).filter(|low| (0xdc00..0xe000).contains(low))?;
        char::from_u32(0x10000 + ((number - 0xd800) << 10) + (low - 0xdc00))
    }

    fn digits(&mut self, radix: u32, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let rest = &self.text[self.at..];
        let digits = rest.iter().take(*length.end()).map_while(|&byte| char::from(byte).to_digit(radix));
        let (count, number) = digits.fold((0, 0u32), |(count, number), digit| {
            (count + 1, number.wrapping_mul(radix).wrapping_add(digit))
        });
        self.at += count;
        (count >= *length.start()).then_some(number)
    }

    /// A name, number or word.
    fn word(&mut self) {
        self.pass(|byte| byte.is_ascii_alphanumeric() || b"_.+-/".contains(&byte));
    }

    /// White space and comments.
    fn skip(&mut self) {
        loop {
            self.pass(|byte| b" \t\r\n\x0b\x0c".contains(&byte));
            if self.peek() != Some(b'#') {
                return;
            }
            self.pass(|byte| byte != b'\n');
        }
    }

    /// Passes over the bytes that `is_part` holds for.
    fn pass(&mut self, is_part: impl Fn(u8) -> bool) {
        self.at += self.text[self.at..].iter().take_while(|&&byte| is_part(byte)).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }
}

#[cfg(test)]
mod tests;
