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
        ("5xx", 0, "`5xx` is no name"),
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
            "the value of a label stands in quotes, but here is `=`",
        ),
        (
            "up{a=b}",
            5,
            "the value of a label stands in quotes, but here is `b`",
        ),
        ("up{a=\"b}", 5, "this value has no closing quote"),
        ("up{a=\"b\" c=\"d\"}", 9, "a matcher ends with"),
        ("up{__name__=\"b\"}", 3, "before the braces"),
        ("up{__a=\"b\"}", 3, "`__a` is no name of a label"),
        ("up{a=~\"\\d\"}", 7, "in a regular expression write two"),
        ("up{a=\"b\nc\"}", 7, "no control characters"),
    ] {
        let (found, message) = Selector::parse(text).unwrap_err();
        assert!(message.contains(what), "{text}: {message}");
        assert_eq!(found, at, "{text}: {message}");
    }
}

fn series(total: &str, bad: &str) -> Option<(String, String)> {
    let [total, bad] = [total, bad].map(|text| Selector::parse(text).unwrap());
    Some((
        total.series_without(&bad)?.to_string(),
        bad.series(&[&total])?.to_string(),
    ))
}

#[test]
fn literal_selectors_give_a_series_on_each_side() {
    for (total, bad, good_series, bad_series) in [
        ("m", "m{c=\"5\"}", "m", "m{c=\"5\"}"),
        (
            "m{j=\"x\"}",
            "m{c=\"5\", j=\"x\"}",
            "m{j=\"x\"}",
            "m{c=\"5\", j=\"x\"}",
        ),
        (
            "m{j=\"x\"}",
            "m{c!=\"2\"}",
            "m{j=\"x\", c=\"2\"}",
            "m{j=\"x\"}",
        ),
        ("m{d!=\"y\"}", "m{c=\"\"}", "m{c=\"other\"}", "m"),
    ] {
        let found = series(total, bad).unwrap();
        assert_eq!(found, (good_series.to_owned(), bad_series.to_owned()));
    }
}

#[test]
fn contradicting_selectors_give_no_series() {
    assert_eq!(series("m{a=\"1\"}", "m{a=\"2\"}"), None, "never bad");
    assert_eq!(series("m{a=\"1\"}", "m{a!=\"1\"}"), None, "never bad");
    assert_eq!(series("m{a=\"1\"}", "m{a=\"1\"}"), None, "always bad");
    assert_eq!(series("m", "m"), None, "always bad");
}
