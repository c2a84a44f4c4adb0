//! Protocol buffers' text format, as far as TensorFlow's small state files need it: the strings in a message.
//!
//! They are read as `google/protobuf/text_format` reads them, but that a backslash that begins no escape is taken for
//! itself, for people write Windows paths by hand, and so are halves of surrogate pairs, which nobody writes. Whatever else
//! the message holds is passed over.

/// The name of a field, and the bytes of its string.
type Field<'a> = (&'a [u8], Vec<u8>);

/// The strings in the message in `text`, unescaped, each with the name of its field; of a list, each of its elements.
/// And where one does not end, before which the others stand.
pub(crate) fn strings(text: &str) -> (Vec<Field<'_>>, Result<(), String>) {
    let mut rest = text.as_bytes();
    let (mut found, mut name): (Vec<Field>, _) = (Vec::new(), &rest[..0]);
    // How many messages it lies in, and whether a string may go on here: those that stand side by side are one.
    let (mut depth, mut joins) = (0usize, false);
    while let Some(&next) = rest.first() {
        let passed = match next {
            b'"' | b'\'' => {
                let Some((string, length)) = literal(next, rest) else {
                    let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
                    return (found, Err(format!("a string does not end in line {line}")));
                };
                match found.last_mut().filter(|_| joins) {
                    Some((_, before)) => before.extend(string),
                    None if depth == 0 => found.push((name, string)),
                    None => {}
                }
                joins = depth == 0;
                length
            }
            b'#' => rest.iter().take_while(|&&byte| byte != b'\n').count(),
            b' ' | b'\t'..=b'\r' => 1,
            _ => {
                joins = false;
                depth = match next {
                    b'{' | b'<' => depth + 1,
                    b'}' | b'>' => depth.saturating_sub(1),
                    _ => depth,
                };
                let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.+-/".contains(byte);
                let word = rest.iter().take_while(is_word).count();
                if word > 0 {
                    name = &rest[..word];
                }
                word.max(1)
            }
        };
        rest = &rest[passed..];
    }
    (found, Ok(()))
}

/// The string that `text` begins with, and how long it is there; `None`: it does not end in its line.
fn literal(quote: u8, text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut bytes, mut at) = (Vec::new(), 1);
    loop {
        let byte = *text.get(at).filter(|&&byte| byte != b'\n')?;
        at += 1;
        match byte {
            b'\\' => {
                let (unescaped, length) = escape(&text[at..]).unwrap_or_else(|| (vec![b'\\'], 0));
                bytes.extend(unescaped);
                at += length;
            }
            _ if byte == quote => return Some((bytes, at)),
            _ => bytes.push(byte),
        }
    }
}

/// What the escape means whose backslash stands before `text`, and how long it is there.
fn escape(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let number = |from: usize, most: usize, radix: u32| {
        let digits = text[from..].iter().take(most).map_while(|&byte| char::from(byte).to_digit(radix));
        digits.fold((0u32, from), |(number, end), digit| (number * radix + digit, end + 1))
    };
    let kind = *text.first()?;
    match kind {
        b'\\' | b'\'' | b'"' | b'?' => Some((vec![kind], 1)),
        b'0'..=b'7' => {
            let (number, end) = number(0, 3, 8);
            Some((vec![number as u8], end))
        }
        b'x' | b'X' => {
            let (number, end) = number(1, 2, 16);
            (end > 1).then(|| (vec![number as u8], end))
        }
        b'u' | b'U' => {
            let whole = if kind == b'u' { 5 } else { 9 };
            let (number, end) = number(1, whole - 1, 16);
            let char = char::from_u32(number).filter(|_| end == whole)?;
            Some((char.to_string().into_bytes(), end))
        }
        _ => {
            let place = b"abfnrtv".iter().position(|&letter| letter == kind)?;
            Some((vec![b"\x07\x08\x0c\n\r\t\x0b"[place]], 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_are_found_among_whatever_else_there_is() {
        let text = r#"n: [1, 2.5e-3] m {a: 'x' n: -1 m <a: 'y'>}, l: [] a : 'it"s' # 'z'
            "\u00fc\t" e: WORD; b: ['\ud83dx', '\U0001F600']"#;
        let strings_of = |text: &str| {
            let found = strings(text).0.into_iter();
            found.map(|(name, string)| [name.to_vec(), string]).collect::<Vec<_>>()
        };
        let expected = [["a", "it\"sü\t"], ["b", r"\ud83dx"], ["b", "😀"]];
        assert_eq!(strings_of(text), expected.map(|pair| pair.map(|text| text.as_bytes().to_vec())));
        for torn in ["b: \"c", "b: \"c\nd\"", "b: 'c\\'"] {
            let text = format!("a: 'x'\n{torn}");
            assert_eq!(strings_of(&text), [[b"a".to_vec(), b"x".to_vec()]]);
            assert_eq!(strings(&text).1, Err("a string does not end in line 2".to_owned()));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in r#"[\[\]{}<>a:'"\\,;#\r\n0-9uUx-]{0,60}"#) {
            let _ = strings(&text);
        }

        #[test]
        fn any_bytes_written_as_protobuf_escapes_them_read_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
            let text = format!("a: \"{escaped}\"");
            prop_assert_eq!(strings(&text).0, [(&b"a"[..], bytes)]);
        }
    }
}
