use super::*;

#[test]
fn a_selector_is_read_and_written_in_one_form() {
    for (text, written) in [
        ("up", "up"),
        (" up { } ", "up"),
        (
            "a:b{c='d',e!=\"f\" , g=~ \"5..\",h!~'x|y',}",
            r#"a:b{c="d", e!="f", g=~"5..", h!~"x|y"}"#,
        ),
        (r#"m{path="a\"b\\c"}"#, r#"m{path="a\"b\\c"}"#),
        (r#"m{path=~"\\d+"}"#, r#"m{path=~"\\d+"}"#),
        (r#"m{v="ü}{,"}"#, r#"m{v="ü}{,"}"#),
        (
            r#"m{a=`b"\d`,c=~`\p{L}+`}"#,
            r#"m{a="b\"\\d", c=~"\\p{L}+"}"#,
        ),
        (r#"m{a="\u00fc\x41"}"#, r#"m{a="üA"}"#),
        (r#"{"http.server.duration"}"#, r#"{"http.server.duration"}"#),
        (r#"{ 'a b' , c="d"}"#, r#"{"a b", c="d"}"#),
        (r#"{c="d", "up"}"#, r#"up{c="d"}"#),
        (
            r#"m{"k8s.pod"="a", "b"!="c"}"#,
            r#"m{"k8s.pod"="a", b!="c"}"#,
        ),
    ] {
        let selector = Selector::parse(text).unwrap();
        assert_eq!(selector.to_string(), written);
        assert_eq!(Selector::parse(written).unwrap().to_string(), written);
    }
}

#[test]
fn anything_but_a_selector_is_rejected_at_its_place() {
    for (text, at, what) in [
        (
            "",
            0,
            "a selector begins with the name of a metric, but it ends here",
        ),
        ("5xx", 0, "`5xx` is not the name"),
        ("sum(up)", 3, "a plain selector"),
        ("up[5m]", 2, "a plain selector"),
        ("up{} or vector(1)", 5, "a plain selector"),
        ("up{a=\"b\"} # x", 10, "a plain selector"),
        (
            "up{",
            3,
            "a matcher begins with the name of a label, but it ends here",
        ),
        ("up{a}", 4, "after the label `a` comes `=`"),
        (
            "up{a==\"b\"}",
            5,
            "the value of a label is in quotes, but here is `=`",
        ),
        (
            "up{a=b}",
            5,
            "the value of a label is in quotes, but here is `b`",
        ),
        ("up{a=\"b}", 5, "this value has no closing quote"),
        ("up{a=\"b\" c=\"d\"}", 9, "a matcher ends with"),
        ("up{__name__=\"b\"}", 3, "before the braces"),
        ("up{__a=\"b\"}", 3, "`__a` is not the name of a label"),
        ("up{a=~\"\\d\"}", 7, "in a regular expression write two"),
        ("up{a=\"b\nc\"}", 7, "no control characters"),
        ("up{a=\"b\u{2028}c\"}", 7, "nor ends of lines"),
        ("up{a=`b", 5, "no closing quote"),
        ("up{a=\"\\x00\"}", 6, "in a regular expression write two"),
        ("up{a=\"\\u12\"}", 6, "in a regular expression write two"),
        ("{}", 0, "a selector has the name of a metric"),
        ("{a=\"b\"}", 0, "a selector has the name of a metric"),
        ("up{\"down\"}", 3, "two names"),
        ("{\"\"}", 1, "not a name"),
        ("{\"{{x}}\"}", 1, "not a name"),
        ("up{\"__a\"=\"b\"}", 3, "`__a` is not the name of a label"),
    ] {
        let (found, message) = Selector::parse(text).unwrap_err();
        assert!(message.contains(what), "{text}: {message}");
        assert_eq!(found, at, "{text}: {message}");
    }
}
