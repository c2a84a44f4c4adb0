use super::*;
use proptest::prelude::*;

fn strings(text: &str) -> Vec<(String, Vec<u8>)> {
    let (fields, read) = fields(text);
    assert_eq!(read, Ok(()), "{text}");
    let strings = fields.into_iter().filter_map(|field| Some((field.name, field.string?)));
    strings.collect()
}

fn value(text: &str) -> Vec<u8> {
    match &strings(text)[..] {
        [(name, value)] if name == "a" => value.clone(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn strings_in_all_their_forms_are_read() {
    for (text, expected) in [
        (r#"a: "b""#, &b"b"[..]),
        ("a:'b'", b"b"),
        ("a : \"it's\"", b"it's"),
        ("# a: 'x'\n\ta:  'b' # a: 'y'", b"b"),
        ("a: 'b' # no line end", b"b"),
        ("\u{feff}a: 'b'\r\n", b"b"),
        ("a: 'b' \"c\"\n 'd'", b"bcd"),
        ("a: ['b']; n: [1, 2.5e-3] m {n: -1 m <s: 't'>}, l: []", b"b"),
        ("[some.extension/x]: 1 e: WORD f: - inf a: 'b'", b"b"),
        (r"a: '\101\x42\X43\n\t\\\'\?'", b"ABC\n\t\\'?"),
        (r"a: '\303\274'", "ü".as_bytes()),
        (r"a: '\u00fc\U0001F600\ud83d\ude00'", "ü😀😀".as_bytes()),
        (r"a: '\1012\0'", b"A2\0"),
        // No escapes: somebody wrote a Windows path by hand.
        (r"a: 'C:\Users\model'", br"C:\Users\model"),
        (r"a: '\ud83dx'", br"\ud83dx"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
    let names: Vec<_> =
        strings("a: 'b' a: 'c', b: ['d', 'e' 'f'];c:'g'").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "a", "b", "b", "c"]);
}

#[test]
fn what_is_no_message_is_said_with_its_line_and_the_fields_before_it_are_kept() {
    for (rest, reason) in [
        ("b: \"c", "a string does not end in line 2"),
        ("b: \"c\nd\"", "a string does not end in line 2"),
        ("b", "a value is missing in line 2"),
        ("b 'c'", "a colon is missing in line 2"),
        ("b: ", "a value is missing in line 2"),
        ("b: ['c'", "a list does not end in line 2"),
        ("[b", "the name of an extension does not end in line 2"),
        ("b {\n", "a message does not end in line 3"),
        ("\n}", "there is no name of a field in line 3"),
    ] {
        let (fields, read) = fields(&format!("a: 'x'\n{rest}"));
        assert_eq!(read, Err(reason.to_owned()), "{rest}");
        assert_eq!(fields[0].string.as_deref(), Some(&b"x"[..]));
    }
    assert!(fields(&"a {".repeat(100_000)).1.is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in r#"[\[\]{}<>a:'"\\,;#\r\n0-9uUx-]{0,60}"#) {
        let _ = fields(&text);
    }

    #[test]
    fn any_bytes_written_as_protobuf_escapes_them_read_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
        prop_assert_eq!(value(&format!("a: \"{escaped}\"")), bytes);
    }
}
