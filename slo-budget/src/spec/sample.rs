//! Series that a selector selects, made up for the tests of rules: a value for each label.

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

use crate::spec::selector::{Matcher, Selector, Test};

pub(crate) type Labels = BTreeMap<String, String>;

/// What services label with, to be tried where nothing else passes; and no label at all.
const USUAL: [&str; 12] = [
    "200", "ok", "", "GET", "a", "b", "404", "500", "503", "error", "/", "1",
];
/// A guard against a selector whose labels multiply without end.
const MOST_TRIED: usize = 20_000;

/// Labels that pass all of `selected`, and not all matchers of `but_not`, if that is given. `None` if none was found.
pub(crate) fn labels(selected: &[&Selector], but_not: Option<&Selector>) -> Option<Labels> {
    let matchers = || selected.iter().flat_map(|selector| &selector.matchers);
    let refused = || but_not.iter().flat_map(|selector| &selector.matchers);
    let mut candidates: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for matcher in matchers().chain(refused()) {
        let values = candidates.entry(&matcher.label).or_default();
        values.extend(usual(matcher));
    }
    for (label, values) in &mut candidates {
        values.extend(USUAL.map(str::to_owned));
        // A value's neighbours are often what is not meant by it.
        values.push("none_of_these".to_owned());
        let mut seen = Vec::new();
        values.retain(|value| {
            let is_new = !seen.contains(value);
            seen.push(value.clone());
            is_new && matchers().all(|matcher| matcher.label != *label || matcher.passes(value))
        });
    }
    // Of all combinations the first that not all of `but_not` passes.
    let mut places = vec![0; candidates.len()];
    for _ in 0..MOST_TRIED {
        let mut labels = Labels::new();
        for ((label, values), place) in candidates.iter().zip(&places) {
            labels.insert((*label).to_owned(), values.get(*place)?.clone());
        }
        let value = |matcher: &Matcher| labels.get(&matcher.label).map_or("", String::as_str);
        if but_not.is_none() || refused().any(|matcher| !matcher.passes(value(matcher))) {
            labels.retain(|_, value| !value.is_empty());
            return Some(labels);
        }
        let mut turn = candidates.values().zip(&mut places);
        loop {
            let (values, place) = turn.next()?;
            *place += 1;
            if *place < values.len() {
                break;
            }
            *place = 0;
        }
    }
    None
}

/// What a matcher itself suggests.
fn usual(matcher: &Matcher) -> Vec<String> {
    match &matcher.test {
        Test::Is(text) | Test::IsNot(text) => vec![text.clone()],
        Test::Like(pattern) | Test::Unlike(pattern) => examples(&pattern.text),
    }
}

/// Texts that a regular expression may match, as short as its parts allow: one for each alternative. A guess,
/// which whoever asks verifies.
fn examples(pattern: &str) -> Vec<String> {
    alternatives(&mut pattern.chars().peekable())
}

fn alternatives(from: &mut Peekable<Chars<'_>>) -> Vec<String> {
    let mut all = Vec::new();
    let mut these = vec![String::new()];
    while let Some(c) = from.peek().copied() {
        match c {
            ')' => break,
            '|' => {
                from.next();
                all.append(&mut these);
                these = vec![String::new()];
            }
            _ => {
                let mut atom = atom(from);
                let times = repetition(from);
                if times == 0 {
                    // `x*` and `x?` are shortest left out, but `.*` alone should not be nothing.
                    atom.insert(0, String::new());
                }
                these = these
                    .iter()
                    .flat_map(|before| {
                        let repeat = |part: &String| before.clone() + &part.repeat(times.max(1));
                        atom.iter().map(repeat).collect::<Vec<_>>()
                    })
                    .take(32)
                    .collect();
            }
        }
    }
    all.append(&mut these);
    all
}

fn atom(from: &mut Peekable<Chars<'_>>) -> Vec<String> {
    let text = |c: char| vec![c.to_string()];
    match from.next() {
        Some('(') => {
            if from.next_if_eq(&'?').is_some() {
                // `(?:`, `(?i:`, `(?P<name>`: up to where the pattern goes on.
                while from.next().is_some_and(|c| !matches!(c, ':' | '>')) {}
            }
            let inside = alternatives(from);
            from.next();
            inside
        }
        Some('[') => {
            let is_negated = from.next_if_eq(&'^').is_some();
            let mut first = None;
            while let Some(c) = from.next() {
                if c == ']' && first.is_some() {
                    break;
                }
                let c = if c == '\\' { escaped(from) } else { c };
                first = first.or(Some(c));
            }
            match first {
                Some(c) if !is_negated => text(c),
                _ => vec!["a".into(), "0".into(), "_".into()],
            }
        }
        Some('.') => vec!["0".into(), "a".into()],
        Some('^' | '$') | None => vec![String::new()],
        Some('\\') => text(escaped(from)),
        Some(c) => text(c),
    }
}

fn escaped(from: &mut Peekable<Chars<'_>>) -> char {
    match from.next() {
        Some('d') => '0',
        Some('w' | 'D' | 'S') => 'a',
        Some('s' | 'W') => ' ',
        Some(c) => c,
        None => '\\',
    }
}

/// How often at least what came before is repeated.
fn repetition(from: &mut Peekable<Chars<'_>>) -> usize {
    let times = match from.peek() {
        Some('*' | '?') => 0,
        Some('+') => 1,
        Some('{') => {
            from.next();
            let mut digits = String::new();
            while let Some(c) = from.next_if(|c| !matches!(c, ',' | '}')) {
                digits.push(c);
            }
            while from.peek().is_some_and(|c| *c != '}') {
                from.next();
            }
            digits.parse().unwrap_or(1).min(64)
        }
        _ => return 1,
    };
    from.next();
    // Lazy or not makes no difference here.
    from.next_if_eq(&'?');
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(total: &str, bad: &str) -> Option<(Labels, Labels)> {
        let (total, bad) = (
            Selector::parse(total).unwrap(),
            Selector::parse(bad).unwrap(),
        );
        Some((
            labels(&[&total], Some(&bad))?,
            labels(&[&total, &bad], None)?,
        ))
    }

    #[test]
    fn what_is_made_up_is_selected() {
        for pattern in [
            "5..",
            "[45]..",
            "5[0-9]{2}",
            "/api/.*",
            "(get|post)_?x+",
            "a|b|c",
            "\\\\d{3}",
            ".+",
            "[^/]+/v[12]",
            "(?i:error)",
            "a{2,3}",
            "x*",
            "\\\\.well-known",
        ] {
            for operator in ["=~", "!~"] {
                let bad = format!("m{{job=\"j\", l{operator}\"{pattern}\"}}");
                let found = of("m{job=\"j\"}", &bad);
                // Nothing is unlike `x*` and selected by `x*` at once, but all else has both.
                let (good, bad) = found.unwrap_or_else(|| panic!("{bad}"));
                assert_eq!(good["job"], "j");
                assert_ne!(good.get("l"), bad.get("l"));
            }
        }
    }

    #[test]
    fn what_cannot_be_is_not_made_up() {
        assert_eq!(of("m{a=\"1\"}", "m{a=\"2\"}"), None, "never bad");
        assert_eq!(of("m{a=\"1\"}", "m{a=~\".*\"}"), None, "always bad");
        assert_eq!(of("m", "m"), None, "always bad");
        assert_eq!(
            of("m{a=~\"x{70}\"}", "m{b=\"1\"}"),
            None,
            "too long to guess"
        );
    }
}
