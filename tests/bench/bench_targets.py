"""What the figures are held against, and the fit of what a line and a bundle cost."""

MICRO = 1e-6

# Who must have been there before one of them is called the fastest; how their lines begin.
DURABLE_PEERS = ("postgresql", "rabbitmq-quorum", "rabbitmq-classic-v1")


def pick(lines, **wanted):
    """The first line with these values, or None."""
    return next((line for line in lines if all(line.get(key) == value for key, value in wanted.items())), None)


# ---------------------------------------------------------------- the fit


def solve(rows, values):
    """Least squares by the normal equations; rows are lists of equal length."""
    count = len(rows[0])
    system = [[sum(row[i] * row[j] for row in rows) for j in range(count)] +
              [sum(row[i] * value for row, value in zip(rows, values))] for i in range(count)]
    for i in range(count):
        pivot = max(range(i, count), key=lambda row: abs(system[row][i]))
        system[i], system[pivot] = system[pivot], system[i]
        for j in range(count):
            if j != i:
                factor = system[j][i] / system[i][i]
                system[j] = [a - factor * b for a, b in zip(system[j], system[i])]
    return [system[i][count] / system[i][i] for i in range(count)]


def fit(points):
    """a, b, c of cost = a + b x lines + c x bundles, from (lines, bundles, cost). Errors count relative to the cost, so
    that small rounds weigh as much; no part may cost less than nothing: what would is left out."""
    parts = [0, 1, 2]
    while parts:
        rows = [[(1.0, lines, bundles)[part] / cost for part in parts] for lines, bundles, cost in points]
        found = solve(rows, [1.0] * len(points))
        least = min(range(len(parts)), key=lambda i: found[i])
        if found[least] >= 0:
            answer = [0.0, 0.0, 0.0]
            for part, value in zip(parts, found):
                answer[part] = value
            return answer
        del parts[least]
    return [0.0, 0.0, 0.0]


def fits(medians):
    """For wall and CPU of either side: the fitted cost, and what it says of national."""
    shapes = [line for line in medians if line["bench"] == "fit"]
    national = pick(medians, peer="skp", bench="national")
    lines = []
    for figure in ("wall_s", "srv_cpu_s", "cli_cpu_s"):
        a, b, c = fit([(float(shape["msgs"]), float(shape["bundles"]), float(shape[figure])) for shape in shapes])
        predicted = a + b * float(national["msgs"]) + c * float(national["bundles"])
        lines.append({"bench": "national_fit", "of": figure, "a_s": f"{a:.3f}", "b_us_per_line": f"{b / MICRO:.2f}",
                      "c_us_per_bundle": f"{c / MICRO:.2f}", "shapes": str(len(shapes)),
                      "predicted_s": f"{predicted:.2f}", "got_s": national[figure]})
    return lines


# ---------------------------------------------------------------- targets


def number(line, key):
    return float(line[key]) if line and key in line else None


def ratio(above, below):
    return above / below if above is not None and below else None


def fastest_durable(medians, bench):
    """The line of a product, the floor is a bound; None unless all were there."""
    lines = [line for line in medians
             if line.get("bench") == bench and line.get("durable_ack") == "yes" and line.get("ok") == "1"
             and line["peer"].startswith(DURABLE_PEERS)]
    if any(not any(line["peer"].startswith(peer) for line in lines) for peer in DURABLE_PEERS):
        return None
    return max(lines, key=lambda line: number(line, "msgs_per_s"))


def letter_limit_us(raw):
    return 4 * (number(raw, "fdatasync_p99_us") + number(raw, "verify_us")) + 500 if raw else 0


def beyond_mb(line, intake_mb):
    """What the broker grew to, above its sessions and the intake budget."""
    return max(0.0, number(line, "rss_mb") - number(line, "idle_mb") - intake_mb) if line else None


def targets(medians, intake_mb):
    """One line each: of benchmarks that did not run, nothing is said; of figures that are missing, unmeasured."""
    def ours(bench):
        return pick(medians, peer="skp", bench=bench)

    def raw(bench):
        return pick(medians, peer="raw", bench=bench)

    wall = pick(medians, bench="national_fit", of="wall_s")
    fastest = fastest_durable(medians, "round84k")
    rows = (
        ("round84k", "round84k_times_fastest_durable_peer", ">=", 5,
         ratio(number(ours("round84k"), "msgs_per_s"), number(fastest, "msgs_per_s"))),
        ("round84k", "round84k_times_raw_limit", "<=", 3,
         ratio(number(ours("round84k"), "wall_s"), number(raw("round84k"), "wall_s"))),
        ("round84k", "round84k_memory_beyond_mb", "<=", 64, beyond_mb(ours("round84k"), intake_mb)),
        ("singles", "singles_times_signatures", "<=", 1.5,
         ratio(number(ours("singles"), "wall_s"), number(raw("singles"), "verify_s"))),
        ("letter", "letter_p99_us", "<=", letter_limit_us(raw("letter")), number(ours("letter"), "p99_us")),
        ("sessions", "session_kib", "<=", 48, number(ours("sessions"), "session_kib")),
        ("national", "national_times_fit", "<=", 1.5,
         ratio(number(wall, "got_s"), number(wall, "predicted_s"))),
        ("national", "national_memory_beyond_mb", "<=", 64, beyond_mb(ours("national"), intake_mb)),
        ("national", "start_s", "<=", 2, number(ours("start"), "start_killed_s")),
        ("backlog", "backlog_last_times_only", "<=", 1.25,
         ratio(number(ours("backlog"), "last_ms"), number(ours("backlog"), "only_ms"))),
    )
    ran = {line.get("bench") for line in medians}
    verdicts = [verdict(name, sign, limit, got) for bench, name, sign, limit, got in rows if bench in ran]
    if fastest:
        verdicts[0]["peer"] = fastest["peer"]
    return verdicts


def verdict(name, sign, limit, got):
    if got is None:
        return {"target": name, "limit": f"{sign}{limit:g}", "got": "-", "met": "unmeasured"}
    met = got >= limit if sign == ">=" else got <= limit
    return {"target": name, "limit": f"{sign}{limit:.4g}", "got": f"{got:.4g}", "met": "yes" if met else "no"}
