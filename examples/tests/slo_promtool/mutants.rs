/// Mistakes in rules, as a text and its replacement. The tests must notice each of them.
pub(crate) const MUTANTS: [(&str, &str); 44] = [
    // Thresholds.
    (
        "slo:error_ratio:rate1h{service=\"s\", slo=\"o\"} > 0.0144",
        "slo:error_ratio:rate1h{service=\"s\", slo=\"o\"} > 0.014401",
    ),
    (
        "last_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}[1h5m]) > 0.0144",
        "last_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}[1h5m]) > 0.01439",
    ),
    (
        "slo:error_ratio:rate1h{service=\"s\", slo=\"o\"} > 0.0144",
        "slo:error_ratio:rate1h{service=\"s\", slo=\"o\"} >= 0.0144",
    ),
    ("[1h5m]) > 0.0144", "[1h5m]) >= 0.0144"),
    (
        "slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} > 0.003",
        "slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} > 0.0031",
    ),
    (
        "slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} > 0.003",
        "slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} < 0.003",
    ),
    // Windows.
    (
        "          slo:error_ratio:rate1h{service=\"s\", slo=\"o\"} > 0.0144\n",
        "          slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} > 0.0144\n",
    ),
    (
        "          slo:error_ratio:rate1h{service=\"s\", slo=\"o\"} > 0.0144\n",
        "          slo:error_ratio:rate5m{service=\"s\", slo=\"o\"} > 0.0144\n",
    ),
    (
        "last_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}[1h5m])",
        "last_over_time(slo:error_ratio:rate30m{service=\"s\", slo=\"o\"}[1h5m])",
    ),
    (
        "          and last_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}[1h5m]) > 0.0144\n",
        "",
    ),
    (
        "          and last_over_time(slo:error_ratio:rate30m{service=\"s\", slo=\"o\"}[6h30m]) > 0.003\n",
        "",
    ),
    (
        "and last_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}",
        "or last_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}",
    ),
    (
        "sum(increase(m{c=~\"5..\"}[1h]))",
        "sum(increase(m{c=~\"5..\"}[30m]))",
    ),
    (
        "sum(increase(m{c=~\"5..\"}[6h]))",
        "sum(increase(m{c=~\"5..\"}[5h]))",
    ),
    ("sum(increase(m[6h]))", "sum(increase(m[5h]))"),
    ("sum(increase(m[6h]))", "sum(increase(m[7h]))"),
    ("sum(increase(m[30m]))", "sum(increase(m[1h]))"),
    (
        "sum(slo:events:increase6h{service=\"s\", slo=\"o\"}) > 0)",
        "sum(slo:events:increase1h{service=\"s\", slo=\"o\"}) > 0)",
    ),
    // Missing series, idle times.
    (
        "          or 0 * sum(slo:events:increase5m{service=\"s\", slo=\"o\"})\n",
        "",
    ),
    (
        "            or 0 * sum(slo:events:increase6h{service=\"s\", slo=\"o\"})\n",
        "",
    ),
    (
        "            or 0 * sum(slo:events:increase1h{service=\"s\", slo=\"o\"})\n",
        "            or 1 * sum(slo:events:increase1h{service=\"s\", slo=\"o\"})\n",
    ),
    (
        "(slo:events:increase5m{service=\"s\", slo=\"o\"} > 0)",
        "slo:events:increase5m{service=\"s\", slo=\"o\"}",
    ),
    (
        "(sum(slo:events:increase6h{service=\"s\", slo=\"o\"}) > 0)",
        "sum(slo:events:increase6h{service=\"s\", slo=\"o\"})",
    ),
    // Series that are gone.
    (
        "last_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}[1h5m])",
        "slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}",
    ),
    (
        "last_over_time(slo:error_ratio:rate30m{service=\"s\", slo=\"o\"}[6h30m])",
        "slo:error_ratio:rate30m{service=\"s\", slo=\"o\"}",
    ),
    (
        "absent(slo:events:increase5m{service=\"s\", slo=\"o\"})",
        "absent(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"})",
    ),
    (
        "absent(slo:events:increase5m{service=\"s\", slo=\"o\"})\n          and on()",
        "absent(slo:events:increase5m{service=\"s\", slo=\"o\"})\n          unless on()",
    ),
    (
        "absent(slo:events:increase5m{service=\"s\", slo=\"o\"})\n          unless on()",
        "absent(slo:events:increase5m{service=\"s\", slo=\"o\"})\n          and on()",
    ),
    ("sum(increase(m[1h10m])) > 0", "sum(increase(m[1m])) > 0"),
    ("            or sum(max_over_time(m[5m])) > 0\n", ""),
    ("        for: \"10m\"\n", "        for: \"10h\"\n"),
    // The guard.
    (
        "          and round(slo:error_ratio:rate1h{service=\"s\", slo=\"o\"} * slo:events:increase1h{service=\"s\", slo=\"o\"}) >= 3\n",
        "",
    ),
    (
        "* slo:events:increase1h{service=\"s\", slo=\"o\"}) >= 3",
        "* slo:events:increase1h{service=\"s\", slo=\"o\"}) >= 2",
    ),
    (
        "* slo:events:increase1h{service=\"s\", slo=\"o\"}) >= 3",
        "* slo:events:increase1h{service=\"s\", slo=\"o\"}) > 3",
    ),
    (
        "          and (slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} - 0.001) * slo:events:increase6h{service=\"s\", slo=\"o\"} >= 1 + 2.326 * sqrt(0.000999 * slo:events:increase6h{service=\"s\", slo=\"o\"})\n",
        "",
    ),
    (
        "          and (slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} - 0.001) * slo:events:increase6h{service=\"s\", slo=\"o\"} >= 1 + 2.326",
        "          and (slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} - 0.001) * slo:events:increase6h{service=\"s\", slo=\"o\"} >= 1 + 4.326",
    ),
    (
        "(slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} - 0.001)",
        "(slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} - 0.002)",
    ),
    (
        "(slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} - 0.001) * slo:events:increase6h{service=\"s\", slo=\"o\"}",
        "(slo:error_ratio:rate6h{service=\"s\", slo=\"o\"} - 0.001) * slo:events:increase1h{service=\"s\", slo=\"o\"}",
    ),
    (
        "sqrt(0.000999 * slo:events:increase6h{service=\"s\", slo=\"o\"})",
        "sqrt(0.00999 * slo:events:increase6h{service=\"s\", slo=\"o\"})",
    ),
    // The objective, for dashboards.
    ("vector(0.999)", "vector(0.99)"),
    // The period.
    (
        "sum_over_time(slo:bad_events:increase5m{service=\"s\", slo=\"o\"}[1d:5m])\n            / (sum_over_time(slo:events:increase5m{service=\"s\", slo=\"o\"}[1d:5m]) > 0)",
        "avg_over_time(slo:error_ratio:rate5m{service=\"s\", slo=\"o\"}[1d:5m])",
    ),
    (
        "(sum_over_time(slo:events:increase5m{service=\"s\", slo=\"o\"}[1d:5m]) > 0)",
        "sum_over_time(slo:events:increase5m{service=\"s\", slo=\"o\"}[1d:5m])",
    ),
    (
        "increase5m{service=\"s\", slo=\"o\"}[1d:5m])",
        "increase5m{service=\"s\", slo=\"o\"}[30m:5m])",
    ),
    (
        "1 - slo:error_ratio:increase1d{service=\"s\", slo=\"o\"} / 0.001",
        "1 - slo:error_ratio:increase1d{service=\"s\", slo=\"o\"} / 0.01",
    ),
];
