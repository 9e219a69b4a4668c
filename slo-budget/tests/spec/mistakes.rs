[
    (
        with("objective: 99.9%", "objectve: 99.9%"),
        r"
3:1: objectve: there is no such field: did you mean `objective`?
  3 | objectve: 99.9%
    | ^^^^^^^^
",
    ),
    (
        with("service: conductor\n", ""),
        r"
1:1: service: it is missing; expected the name of the service that promises this: `service: api`
  1 | slo: runs
    | ^
",
    ),
    (
        with("service: conductor", "service: 5 conductors"),
        r"
1:10: service: found `5 conductors`; expected a name of letters, digits, `-`, `_`, `.` and `/` that begins with a letter
  1 | service: 5 conductors
    |          ^^^^^^^^^^^^
",
    ),
    (
        with("slo: runs", "slo:"),
        r"
2:4: slo: there is no value; expected a name of letters, digits, `-`, `_`, `.` and `/` that begins with a letter
  2 | slo:
    |    ^
",
    ),
    (
        with("objective: 99.9%", "objective: 99.9"),
        r"
3:12: objective: found `99.9`; expected a share: put `%` after it, or divide it by 100
  3 | objective: 99.9
    |            ^^^^
",
    ),
    (
        with("objective: 99.9%", "objective: 100%"),
        r"
3:12: objective: found `100%`; expected the share of good events, above 0 % and below 100 %, with at most 12 decimals: `99.9%`, `0.999` or `999/1000`
  3 | objective: 100%
    |            ^^^^
",
    ),
    (
        with("objective: 99.9%", "objective: [99.9%]"),
        r"
3:12: objective: found a list; expected the share of good events, above 0 % and below 100 %, with at most 12 decimals: `99.9%`, `0.999` or `999/1000`
  3 | objective: [99.9%]
    |            ^
",
    ),
    (
        with("objective: 99.9%", "objective: 90%"),
        r"
3:12: alerts: the default alert on 1h/5m: it can never fire: it asks for a burn rate above 14.4, and at 90% a total outage burns at 10; take a smaller share of the budget, or a higher objective. Or write other `alerts`
  3 | objective: 90%
    |            ^^^
",
    ),
    (
        and("objective: 99%"),
        r"
7:1: objective: this field is already on line 3: keep one of them
  7 | objective: 99%
    | ^^^^^^^^^
",
    ),
    (
        and("period: 30 days"),
        r"
7:9: period: found `30 days`; expected a time longer than zero, in whole numbers with units: `250ms`, `5m`, `1h30m`, `30d` or `4w`
  7 | period: 30 days
    |         ^^^^^^^
",
    ),
    (
        and("period: 12h"),
        r"
7:9: alerts: the default alert on 1h/5m: it would page at a burn rate of 0.24, which does not exceed the budget: make it a ticket, or take a larger share or a shorter window. Or write other `alerts`
  7 | period: 12h
    |         ^^^
",
    ),
    (
        and("owner: me"),
        r"
7:1: owner: there is no such field: known here are `service`, `slo`, `description`, `objective`, `period`, `indicator`, `alerts`, `min_bad`, `deploy`, `labels`, `interval`, `scrape`, `no_data`, `annotations`
  7 | owner: me
    | ^^^^^
",
    ),
    (
        and("description: \"{{ $labels }}\""),
        r#"
7:14: description: found `{{ $labels }}`; expected a text on one line, without `{{`, which Prometheus would expand
  7 | description: "{{ $labels }}"
    |              ^^^^^^^^^^^^^^^
"#,
    ),
    (
        and("labels: { severity: high }"),
        r"
7:11: labels.severity: the rules set this label: choose another name
  7 | labels: { severity: high }
    |           ^^^^^^^^
",
    ),
    (
        and("labels: { a-b: c }"),
        r"
7:11: labels.a-b: the name of a label consists of letters, digits and `_`, and does not begin with a digit or `__`
  7 | labels: { a-b: c }
    |           ^^^
",
    ),
    (
        and("labels: [a]"),
        r"
7:9: labels: expected names with values: `team: orchestration`
  7 | labels: [a]
    |         ^
",
    ),
    (
        and("labels: { a: }"),
        r"
7:12: labels.a: there is no value; expected a text on one line, without `{{`, which Prometheus would expand
  7 | labels: { a: }
    |            ^
",
    ),
    (
        and("min_bad: { page: 0 }"),
        r"
7:18: min_bad.page: found `0`; expected a number of events from 1 on
  7 | min_bad: { page: 0 }
    |                  ^
",
    ),
    (
        and("min_bad: { pages: 3 }"),
        r"
7:12: min_bad.pages: there is no such field: did you mean `page`?
  7 | min_bad: { pages: 3 }
    |            ^^^^^
",
    ),
    (
        and("min_bad: 3"),
        r"
7:10: min_bad: found `3`; expected fields, of `page`, `ticket`
  7 | min_bad: 3
    |          ^
",
    ),
    (
        and("interval: 10m"),
        r"
7:11: interval: 10m is more than half of the shortest window, 5m, which would be evaluated too rarely
  7 | interval: 10m
    |           ^^^
",
    ),
    (
        and("scrape: 2h"),
        r"
7:9: scrape: found `2h`; expected a duration of at most 1h, such as 30s
  7 | scrape: 2h
    |         ^^
",
    ),
    (
        and("alerts: page"),
        r"
7:9: alerts: found `page`; expected a list of at most four alerts: `- { severity: page, budget: 2%, long: 1h, short: 5m }`
  7 | alerts: page
    |         ^^^^
",
    ),
    (
        and("alerts:\n  - { severity: pager, budget: 2%, long: 1h }"),
        r"
8:17: alerts[0].severity: found `pager`; expected `page` or `ticket`
  8 |   - { severity: pager, budget: 2%, long: 1h }
    |                 ^^^^^
",
    ),
    (
        and("alerts:\n  - { severity: page, long: 1h }"),
        r"
8:5: alerts[0].budget: it is missing; expected a share of the budget, above 0 and at most all of it: `2%` or `0.02`
  8 |   - { severity: page, long: 1h }
    |     ^
",
    ),
    (
        and("alerts:\n  - { severity: page, budget: 200%, long: 1h }"),
        r"
8:31: alerts[0].budget: found `200%`; expected a share of the budget, above 0 and at most all of it: `2%` or `0.02`
  8 |   - { severity: page, budget: 200%, long: 1h }
    |                               ^^^^
",
    ),
    (
        and("alerts:\n  - { severity: page, budget: 2%, long: 1h, short: 1h }"),
        r"
8:5: alerts[0]: the short window of a page must be shorter than its long one
  8 |   - { severity: page, budget: 2%, long: 1h, short: 1h }
    |     ^
",
    ),
    (
        and("alerts:\n  - { severity: page, budget: 90%, long: 30s }"),
        r"
8:5: alerts[0]: the window of 2s500ms is too short for a period of 30d: lengthen it to 20s at least
  8 |   - { severity: page, budget: 90%, long: 30s }
    |     ^
",
    ),
    (
        and("alerts:\n  - { severity: page, budget: 10%, long: 3d }"),
        r"
8:5: alerts[0]: it would page at a burn rate of 1, which does not exceed the budget: make it a ticket, or take a larger share or a shorter window
  8 |   - { severity: page, budget: 10%, long: 3d }
    |     ^
",
    ),
    (
        and("alerts:\n  - { severity: ticket, budget: 10%, long: 60d }"),
        r"
8:5: alerts[0]: a window is longer than the period of 30d: shorten it
  8 |   - { severity: ticket, budget: 10%, long: 60d }
    |     ^
",
    ),
    (
        and("alerts:\n  - { severity: ticket, budget: 10%, long: 2m, short: 1s }"),
        r"
8:5: alerts[0]: the window of 1s is too short for a period of 30d: lengthen it to 20s at least
  8 |   - { severity: ticket, budget: 10%, long: 2m, short: 1s }
    |     ^
",
    ),
    (
        and("alerts:\n  - { severity: ticket, budget: 10%, long: 3d, short: 1h1s }"),
        r"
8:3: alerts: the greatest common divisor of all windows is 1s, which is too small for 3d: choose round windows
  8 |   - { severity: ticket, budget: 10%, long: 3d, short: 1h1s }
    |   ^
",
    ),
    (
        and("alerts:\n  - { severity: page, budget: 2%, long: 1h }\n  - { severity: page, budget: 5%, long: 60m, short: 5m }"),
        r"
9:5: alerts[1]: `alerts[0]` has the same severity and windows, so the larger share of the budget adds nothing: keep one of them
  9 |   - { severity: page, budget: 5%, long: 60m, short: 5m }
    |     ^
",
    ),
    (
        and("deploy: [{ window: 1h, below: 0 }]"),
        r"
7:31: deploy[0].below: found `0`; expected a burn rate above 0, with at most nine digits: `1.0` or `0.5`
  7 | deploy: [{ window: 1h, below: 0 }]
    |                               ^
",
    ),
    (
        and("deploy: [{ window: 1h }]"),
        r"
7:10: deploy[0].below: it is missing; expected the burn rate that it has to be below: `1.0`
  7 | deploy: [{ window: 1h }]
    |          ^
",
    ),
    (
        and("deploy: [{ window: 60d, below: 1.0 }]"),
        r"
7:10: deploy[0]: the window is longer than the period: shorten it
  7 | deploy: [{ window: 60d, below: 1.0 }]
    |          ^
",
    ),
    (
        with("total: http", "totl: http"),
        r#"
5:3: indicator.totl: there is no such field: did you mean `total`?
  5 |   totl: http_requests_total{job="conductor"}
    |   ^^^^
"#,
    ),
    (
        with("  bad: http_requests_total{job=\"conductor\", code=~\"5..\"}\n", ""),
        r#"
5:3: indicator: expected `total` with `bad`, or `total` with `good`, or `latency`
  5 |   total: http_requests_total{job="conductor"}
    |   ^
"#,
    ),
    (
        with("code=~\"5..\"", "code=5"),
        r#"
6:50: indicator.bad: the value of a label is in quotes, but here is `5`
  6 |   bad: http_requests_total{job="conductor", code=5}
    |                                                  ^
"#,
    ),
    (
        with("bad: http_requests_total{", "bad: sum(http_requests_total{"),
        r#"
6:11: indicator.bad: the rules add sums and rates, so expected a plain selector, `name{label="value"}`, but here is `(`
  6 |   bad: sum(http_requests_total{job="conductor", code=~"5.."}
    |           ^
"#,
    ),
    (
        with("job=\"conductor\", code=~\"5..\"", "job=\"api\""),
        r#"
6:8: indicator.bad: this has to select some of the series of `total` and leave out others, and it cannot: look for matchers that exclude each other
  6 |   bad: http_requests_total{job="api"}
    |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    ),
    (
        and_in_indicator("series: { total: a }"),
        r"
7:13: indicator.series.total: there is no such field: known here are `good`, `bad`
  7 |   series: { total: a }
    |             ^^^^^
",
    ),
    (
        and_in_indicator("series: { bad: requests }"),
        r#"
7:18: indicator.series.bad: expected a series of `http_requests_total`: `http_requests_total{label="value"}`, without `!=`, `=~` and `!~`
  7 |   series: { bad: requests }
    |                  ^^^^^^^^
"#,
    ),
    (
        and_in_indicator("series: { good: 'http_requests_total{code!~\"5..\"}' }"),
        r#"
7:19: indicator.series.good: expected a series of `http_requests_total`: `http_requests_total{label="value"}`, without `!=`, `=~` and `!~`
  7 |   series: { good: 'http_requests_total{code!~"5.."}' }
    |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    ),
    (
        with("code=~\"5..\"", "job=\"api\""),
        r#"
6:45: indicator.bad: the label `job` has two values: keep one
  6 |   bad: http_requests_total{job="conductor", job="api"}
    |                                             ^
"#,
    ),
    (
        with("{job=\"conductor\"}\n  bad: ", "{code=~\"5..\"}\n  bad: ").replace("job=\"conductor\", ", ""),
        r#"
6:8: indicator.bad: this has to select some of the series of `total` and leave out others, and it cannot: look for matchers that exclude each other
  6 |   bad: http_requests_total{code=~"5.."}
    |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    ),
    (
        with(", code=~\"5..\"", ""),
        r#"
6:8: indicator.bad: this has to select some of the series of `total` and leave out others, and it cannot: look for matchers that exclude each other
  6 |   bad: http_requests_total{job="conductor"}
    |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    ),
    (
        with("\n  total: http_requests_total{job=\"conductor\"}\n  bad: http_requests_total{job=\"conductor\", code=~\"5..\"}", " { latency: { histogram: h_bucket, within: 250ms } }"),
        r"
4:36: indicator.latency.histogram: name the histogram without `_bucket`, which the rules add
  4 | indicator: { latency: { histogram: h_bucket, within: 250ms } }
    |                                    ^^^^^^^^
",
    ),
    (
        with("\n  total: http_requests_total{job=\"conductor\"}\n  bad: http_requests_total{job=\"conductor\", code=~\"5..\"}", " { latency: { histogram: 'h{le=\"1\"}', within: 250ms } }"),
        r#"
4:36: indicator.latency.histogram: leave out `le`: `within` says which bucket it is
  4 | indicator: { latency: { histogram: 'h{le="1"}', within: 250ms } }
    |                                    ^^^^^^^^^^^
"#,
    ),
    (
        with("\n  total: http_requests_total{job=\"conductor\"}\n  bad: http_requests_total{job=\"conductor\", code=~\"5..\"}", " { latency: { histogram: h, within: fast } }"),
        r"
4:47: indicator.latency.within: found `fast`; expected a time longer than zero, in whole numbers with units: `250ms`, `5m`, `1h30m`, `30d` or `4w`
  4 | indicator: { latency: { histogram: h, within: fast } }
    |                                               ^^^^
",
    ),
    (
        with("\n  total: http_requests_total{job=\"conductor\"}\n  bad: http_requests_total{job=\"conductor\", code=~\"5..\"}", " http_requests_total"),
        r"
4:12: indicator: found `http_requests_total`; expected fields, of `total`, `bad`, `good`, `latency`, `series`
  4 | indicator: http_requests_total
    |            ^^^^^^^^^^^^^^^^^^^
",
    ),
    (
        with("service: conductor", "service: &name conductor"),
        r"
1:16: anchors (`&name`) and aliases (`*name`) are not supported: write the value out
  1 | service: &name conductor
    |                ^^^^^^^^^
",
    ),
    (
        with("service: conductor", "service: !!str conductor"),
        r"
1:16: tags such as `!!str` are not supported: leave it out
  1 | service: !!str conductor
    |                ^^^^^^^^^
",
    ),
    (
        and("---\nservice: b"),
        r"
7:1: a second document begins here: a file has one specification, so move this one to another file
  7 | ---
    | ^^^
",
    ),
    (
        with("indicator:", "indicator: {"),
        r#"
5:29: this is neither YAML nor JSON: while parsing a flow mapping, did not find expected ',' or '}'; between `{` and `}` a selector with labels has to be in quotes, `'up{job="api"}'`
  5 |   total: http_requests_total{job="conductor"}
    |                             ^
"#,
    ),
    (
        String::new(),
        r"
1:1: the document is empty: a specification has at least `service`, `slo`, `objective` and `indicator`
  1 | 
    | ^
",
    ),
    (
        "- service: a\n".to_owned(),
        r"
1:1: found a list; expected fields, of `service`, `slo`, `description`, `objective`, `period`, `indicator`, `alerts`, `min_bad`, `deploy`, `labels`, `interval`, `scrape`, `no_data`, `annotations`
  1 | - service: a
    | ^
",
    ),
]
