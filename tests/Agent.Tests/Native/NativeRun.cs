using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Agent.Tests.AuditLogs;
using EnvPlatform.Agent.Tests.Commands;

namespace EnvPlatform.Agent.Tests.Native;

/// <summary>A run of a command in both forms: the platform's answers, the machine's content, and the expected result.</summary>
/// <param name="Command">The command's path, such as <c>env list</c>.</param>
/// <param name="Args">All arguments after the path; <c>{home}</c> stands for the home folder.</param>
/// <param name="Shows">Text expected on standard output or error.</param>
internal sealed record NativeRun(string Command, string[] Args, string Shows, int ExitCode = 0)
{
    private const string Orgs = "/orgs/" + RecordedPlatform.Org;
    private const string Id = "0192f0c1-0000-7000-8000-0000000000e1";
    private const string Cve = Orgs + "/vulnerabilities/CVE-2022-0778";

    private const string Me = """
        {"id": "0192f0c1-0000-7000-8000-00000000000a", "email": "ada@example.org", "organizations": [{"id": "0192f0c1-0000-7000-8000-00000000000b", "slug": "acme", "role": "member"}]}
        """;

    private const string Event = """
        {"seq":3,"action_key":"token_created","actor_id":"0192","actor_email":"ada@example.org","actor_type":"user","target_id":"t","target_email":null,"target_type":"token","message":"Token 3 was created.","occurred_at":"2026-11-21T16:00:00Z"}
        """;

    private const string Exported = "{\"message\":\"exported\"}\n";

    private const string Joined = """
        {"organization": {"slug": "umbrella", "role": "auditor"}, "token": "envp_new", "token_expires_at": "2026-03-09T10:00:00Z"}
        """;

    private const string View = $$"""
        {"id": "{{Id}}", "name": "science", "prefix": "/envs/science", "platform": "linux-64", "machine": {"id": "0192f0c1-0000-7000-8000-000000000001", "hostname": "ada-laptop"},
         "user": {"email": "ada@example.org"}, "status": "warn", "message": "Update openssl.", "archived": false, "digest": "sha256:x", "packages": 312,
         "vulnerabilities": {"total": 3, "critical": 1, "high": 2}, "max_cvss": 9.8, "kev": 1, "updated_at": "2026-03-02T10:00:00Z", "scanned_at": "2026-03-02T10:00:01Z"}
        """;

    private const string Finding = """
        {"id": "CVE-2022-0778", "cvss": 7.5, "severity": "high", "epss": 0.05, "kev": true, "status": "reported", "fixed_in": ["1.1.1n"], "summary": "A loop.",
         "packages": [{"manager": "conda", "name": "openssl", "version": "1.1.1k", "build": "0", "status": "active", "fixed_in": ["1.1.1n"],
          "matches": [{"advisory": "NVD-1", "url": "https://nvd.example.org/1", "range": ">=1.1.1, <1.1.1n", "listed": false, "fixed_in": ["1.1.1n"]}],
          "mapping": {"why": "The conda package openssl is taken for conda's openssl.", "order": "openssl"}}]}
        """;

    private const string Upgrades = """
        {"items": [{"manager": "conda", "name": "openssl", "version": "1.1.1k", "to": "1.1.1n", "clears": ["CVE-1"], "remaining": ["CVE-9"]}],
         "commands": [{"manager": "conda", "shell": "posix", "command": "conda install --prefix /envs/science 'openssl>=1.1.1n'"}],
         "unfixed": [{"manager": "conda", "name": "gamma", "version": "1.0", "vulnerability": "CVE-8", "known": "No advisory names a version that fixes it."}]}
        """;

    private const string Curation = """
        {"id": "c1", "vulnerability_id": "CVE-2022-0778", "package": "openssl", "version": "1.1.1k", "status": "cleared", "reason": "patched", "created_at": "2026-11-20T10:00:00Z",
         "created_by": {"email": "ada@example.org"}, "expires_at": "2027-01-31T00:00:00Z", "in_force": true}
        """;

    private const string OrganizationSettings = """
        {"version": 1, "environments_enabled": false, "token_max_days": 365, "allowed_email_domains": [], "enforcement_paused_until": null}
        """;

    private const string Feed = """
        {"name": "pypi", "format": "osv", "enabled": true, "state": "waiting", "last_success_at": "2026-11-21T10:00:00Z", "age_seconds": 300, "stale": false, "requested_at": "2026-11-21T09:59:00Z",
         "last_attempt_at": "2026-11-21T10:00:00Z", "next_at": "2026-11-21T16:00:00Z", "error": null, "import_id": "i1"}
        """;

    private const string Logged = $$"""
        {"environment_id": "{{Id}}", "created": true, "changed": true, "digest": "sha256:x", "status": "ok", "message": null, "packages": 2,
         "vulnerabilities": {"total": 3, "critical": 1, "high": 2}, "scan": "pending"}
        """;

    private const string Scanned = $$"""
        {"packages": [{"manager": "conda", "name": "openssl", "version": "1.1.1k", "build": "h27cfd23_0", "coverage": "checked", "vulnerabilities": [{{Finding}}]},
           {"manager": "pypi", "name": "requests", "version": "2.25.1", "coverage": "not_checked", "reason": "not_mapped", "vulnerabilities": []}],
         "summary": {"total": 1, "high": 1, "not_checked": 1}, "upgrades": {{Upgrades}} }
        """;

    private const string Ada = $$"""
        {"id": "{{Id}}", "display_name": "Ada", "role": "member", "email": "ada@example.org", "state": "active", "groups": [{"id": "{{Id}}", "name": "Labs"}], "products": ["environments"], "version": 3}
        """;

    /// <summary>At least one run of every command, and one more where JSON takes another code path.</summary>
    public static readonly NativeRun[] All =
    [
        new("login", ["--url", "{url}", "--token", "-"], "Signed in to {url} as ada@example.org, organization acme."),
        new("logout", [], "Signed out."),
        new("status", [], "ada@example.org"),
        new("status", ["--json"], "\"reachable\":true"),
        new("login", ["--url", "{url}", "--email", "ada@example.org"], "Signed in to {url} as ada@example.org, organization acme."),
        new("invitations list", [], "1 invitation."),
        new("invitations accept", [Id], "You are auditor of umbrella."),
        new("invitations accept", ["--token", "-"], "envp_new"),
        new("invitations accept", ["--token", "envi_x", "--new-account"], "Signed in to {url}, auditor of umbrella."),
        new("invitations decline", [Id], "Declined."),
        new("members list", [], "ada@example.org"),
        new("members list", ["--json"], "\"total_count\": 1"),
        new("members show", [Id], "Labs"),
        new("members invite", ["bob@example.org"], "bob@example.org: invited by mail"),
        new("members role", [Id, "auditor"], "Ada is auditor now."),
        new("members suspend", [Id], "Ada is suspended."),
        new("members resume", [Id], "Ada is active again."),
        new("members remove", [Id], "Ada is removed."),
        new("members reinstate", [Id], "Ada is a member again."),
        new("organization show", [], "environments_enabled"),
        new("organization set", ["token_max_days=90", "environments_enabled=yes"], "Changed: token_max_days, environments_enabled."),
        new("register", [], "is registered with acme"),
        new("register", ["--json"], "\"machine_id\""),
        new("log", ["--prefix", "{home}/envs/science", "--wait"], "science: logged for the first time"),
        new("log", ["--prefix", "{home}/envs/science", "--json"], "\"not_exact\""),
        new("log", ["--file", "{home}/environment.yml", "--platform", "linux-64"], "not say their exact version: scipy>=1.0, flask.", 2),
        new("check", ["--prefix", "/envs/science"], "/envs/science is blocked: Old openssl.", 1),
        new("check", ["--prefix", "/envs/science", "--json"], "\"source\":\"platform\"", 1),
        new("check", ["--", "conda", "activate", "{home}/envs/science"], "science is blocked: Old openssl.", 1),
        new("hook", ["bash"], "__envplatform_check"),
        new("hook", ["fish", "--install"], "config.fish"),
        new("audit scan", ["--prefix", "{home}/envs/science"], "Not checked: 1 (not mapped).", 1),
        new("audit scan", ["--prefix", "{home}/envs/science", "--vulnerability", "CVE-2022-0778", "--wide"], "in openssl 1.1.1k.", 1),
        new("audit scan", ["--file", "{home}/list.json", "--vulnerability", "CVE-2099-1", "--json"], "\"not_known\"", 2),
        new("audit scan", ["--file", "{home}/list.json", "--json"], "CVE-2022-0778", 1),
        new("audit scan", ["--file", "{home}/environment.yml", "--fail-on", "never"], "2 (no exact version)", 2),
        new("audit scan", ["--file", "{home}/broken.yml"], "is not valid YAML", 2),
        new("audit scan", ["--file", "{home}/pixi.lock", "--environment", "test"], "-test-linux-64: ", 1),
        new("audit scan", ["--file", "{home}/pylock.toml"], " packages, vulnerabilities: ", 1),
        new("audit scan", ["--file", "{home}/broken.toml"], "is not valid TOML", 2),
        new("audit scan", ["--file", "{home}/pyproject.toml"], "holds no resolved versions", 2),
        new("env list", ["--search", "sci"], "1 of 40"),
        new("env list", ["--json"], "\"total_count\""),
        new("env show", [Id], "Update openssl."),
        new("env show", [Id, "--json"], "\"environment\""),
        new("env vulnerabilities", [Id], "CVE-2022-0778 (exploited)"),
        new("env vulnerabilities", [Id, "--why"], "affects >=1.1.1, <1.1.1n; fixed in 1.1.1n"),
        new("env fix", [Id], "conda install --prefix /envs/science 'openssl>=1.1.1n'", 1),
        new("sbom", [Id], "SPDX-2.3"),
        new("sbom", ["--file", "{home}/environment.yml", "--format", "spdx", "-o", "{home}/out.json"], "Written to {home}/out.json.", 2),
        new("sbom", ["--file", "{home}/list.json", "--vulnerabilities", "--output", "{home}/out.json"], "Written to {home}/out.json."),
        new("policy check", ["{home}/policy.yml", "--explain"], "valid: policy kev, 1 rule"),
        new("policy check", ["{home}/environment.yml"], "environment.yml", 1),
        new("vulnerability show", ["CVE-2022-0778"], "yes, says CISA"),
        new("vulnerability environments", ["CVE-2022-0778"], "1 of 3 environments."),
        new("vulnerability curate", ["CVE-2022-0778", "--status", "cleared", "--reason", "patched", "--package", "openssl", "--version",
            "1.1.1k", "--expires", "2027-01-31"],
            "CVE-2022-0778 is cleared in openssl 1.1.1k, until 2027-01-31 00:00 UTC."),
        new("vulnerability curations", ["--history"], "patched"),
        new("vex export", ["--format", "cyclonedx"], "CycloneDX"),
        new("vex import", ["{home}/vex.json"], "4 statements: 2 applied, 1 held already, 1 left out."),
        new("audit-log list", ["--action", "token_created", "--limit", "1"], "1 of 3 events."),
        new("audit-log tail", ["--after", "2", "--count", "1"], "token_created  ada@example.org  Token 3 was created."),
        new("audit-log export", [], "\"message\":\"exported\""),
        new("audit-log export", ["--output", "{home}/exported.jsonl", "--job", Id], "1 event in {home}/exported.jsonl"),
        new("audit-log verify", ["--key", FakeLog.Signer.Key.ToString(), "--json"], "\"verified\":true"),
        new("audit-log verify", ["{home}/event.json", "--key", FakeLog.Signer.Key.ToString()], "Verified: 1 event is as it was signed."),
        new("advisories import", ["{home}/osv.json"], "7080 advisories: 7000 added, 80 changed, 269 withdrawn, 1 rejected"),
        new("advisories imports", [], "The catalogue has no vulnerabilities."),
        new("advisories rejections", [Id], "events are missing"),
        new("advisories feeds", [], "2026-11-21 16:00"),
        new("advisories ecosystems", [], "stated by an operator"),
        new("advisories sync", ["pypi", "--wait"], "1 feeds."),
    ];

    /// <summary>The answers to all runs.</summary>
    public static void Answer(RecordedPlatform platform) => new FakeLog(3).Serve(platform
        .On("GET /me", 200, Me)
        .On("POST /sign-in", 200, """{"token": "envp_session", "expires_at": "2026-03-03T10:00:00Z"}""")
        .On($"GET {Orgs}/settings", 200, OrganizationSettings)
        .On($"GET {Orgs}/members", 200, $$"""{"items": [{{Ada}}], "total_count": 1}""")
        .On($"GET {Orgs}/members/{Id}", 200, Ada)
        .On($"PATCH {Orgs}/members/{Id}", 200, Ada)
        .On($"DELETE {Orgs}/members/{Id}", 204, "")
        .On($"POST {Orgs}/members/{Id}/suspend", 200, Ada)
        .On($"POST {Orgs}/members/{Id}/resume", 200, Ada)
        .On($"POST {Orgs}/members/{Id}/reinstate", 200, Ada)
        .On($"POST {Orgs}/invitations", 200, """{"results": [{"email": "bob@example.org", "status": 201}]}""")
        .On(
            $"PATCH {Orgs}/settings", 200,
            """{"settings": {"version": 2, "environments_enabled": true, "token_max_days": 90}, "tokens_over_limit": 0}""")
        .On("GET /me/invitations", 200,
            $$"""{"items": [{"id": "{{Id}}", "organization": "umbrella", "role": "auditor", "expires_at": "2026-03-09T10:00:00Z"}], "total_count": 1}""")
        .On($"POST /me/invitations/{Id}/accept", 200, """{"slug": "umbrella", "name": "Umbrella", "role": "auditor"}""")
        .On($"POST /me/invitations/{Id}/decline", 204, "")
        .On("POST /me/invitations/accept", 200, Joined)
        .On("POST /invitations/accept", 200, Joined)
        .On($"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001", 200, "{}")
        .On($"POST {Orgs}/environment-logs", 200, Logged)
        .On($"GET {Orgs}/activation", 200,
            $$"""{"status": "block", "message": "Old openssl.", "environment_id": "{{Id}}", "reasons": [{"policy": "no-kev"}]}""")
        .On($"POST {Orgs}/scans", 200, Scanned)
        .On($"GET {Orgs}/environments", 200, $$"""{"items": [{{View}}], "total_count": 40, "next_cursor": "x"}""")
        .On($"GET {Orgs}/environments/{Id}", 200, View)
        .On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200, $$"""{"items": [{{Finding}}], "total_count": 3, "next_cursor": "x"}""")
        .On($"GET {Orgs}/environments/{Id}/upgrades", 200, Upgrades)
        .On($"GET {Orgs}/environments/{Id}/sbom", 200, """{"spdxVersion":"SPDX-2.3"}""", "application/spdx+json")
        .On($"GET {Cve}", 200, """
            {"id": "CVE-2022-0778", "aliases": ["GHSA-x3mh-jvjw-3xwx"], "cvss": 7.5, "cvss_vector": "CVSS:3.1/AV:N", "severity": "high", "epss": 0.0674, "kev": true, "status": "mitigated",
             "curated_at": "2026-11-20T10:00:00Z", "published_at": "2022-03-15T17:15:00Z", "summary": "Infinite loop.", "description": "Infinite loop.\nMore.", "environments": 12}
            """)
        .On($"GET {Cve}/environments", 200, """
            {"items": [{"id": "0192f0c1-0000-7000-8000-000000000002", "name": "science", "platform": "linux-64", "machine": {"hostname": "box"}, "user": {"email": "bob@example.org"}, "status": "warn",
              "packages": [{"manager": "conda", "name": "openssl", "version": "1.1.1k", "build": "0", "fixed_in": ["1.1.1n"], "status": "reported"}]}], "total_count": 3, "next_cursor": "x"}
            """)
        .On($"PUT {Cve}/curation", 200, Curation)
        .On($"GET {Orgs}/vulnerabilities/curations", 200, $$"""{"items": [{{Curation}}], "total_count": 1}""")
        .On($"GET {Orgs}/vulnerabilities/vex", 200, """{"bomFormat":"CycloneDX"}""", "application/vnd.cyclonedx+json")
        .On($"POST {Orgs}/vulnerabilities/vex", 200,
            """{"statements": 4, "applied": 2, "unchanged": 1, "skipped": [{"vulnerability": "CVE-1999-1", "product": "pkg:apk/x", "reason": "It is about no conda package."}]}""")
        .On("POST /advisories/imports", 202, """{"id": "i1", "status": "running"}""")
        .On("GET /advisories/imports/i1", 200,
            """{"id": "i1", "status": "completed", "advisories": 7080, "added": 7000, "changed": 80, "withdrawn": 269, "rejected": 1}""")
        .On("GET /advisories/imports/i1/rejections", 200,
            """{"items": [{"number": 1, "record": "PYSEC-9", "file": "a/b.json", "reason": "modified is missing"}], "total_count": 1}""")
        .On("GET /advisories/imports", 200, """
            {"items": [{"id": "i0", "format": "kev", "status": "failed", "phase": "done", "error": "The catalogue has no vulnerabilities.", "created_at": "2026-11-20T10:00:00Z"}], "total_count": 1}
            """)
        .On($"GET /advisories/imports/{Id}/rejections", 200,
            """{"items": [{"number": 3, "record": "PYSEC-1", "reason": "events are missing"}], "total_count": 1}""")
        .On("GET /api/audit-logs", 200, $$"""{"items": [{{Event}}], "total_count": 3, "next_cursor": "x"}""")
        .On("GET /api/audit-logs/stream", 200, $"retry: 1000\n\nid: 3\nevent: token_created\ndata: {Event}\n\n", "text/event-stream")
        .On("POST /api/audit-logs/export", 202, $$"""{"id": "{{Id}}", "status": "pending", "progress": 0, "format": "jsonl"}""")
        .On($"GET /api/audit-logs/export/{Id}", 200,
            $$"""{"id": "{{Id}}", "status": "completed", "progress": 100, "total_records": 1, "format": "jsonl"}""")
        .On($"GET /api/audit-logs/export/{Id}/manifest", 200,
            $$"""{"events": 1, "size": {{Exported.Length}}, "sha256": "{{Sha256Of(Exported)}}"}""")
        .On($"GET /api/audit-logs/export/{Id}/proof", 200, "")
        .On($"GET /api/audit-logs/export/{Id}/download", 200, Exported, "application/jsonl")
        .On("GET /advisories/feeds", 200, $$"""{"items": [{{Feed}}], "total_count": 1}""")
        .On("GET /advisories/ecosystems", 200,
            """{"items": [{"ecosystem": "PyPI", "basis": "stated", "records": 9, "since": "2026-11-21T10:00:00Z"}], "total_count": 1}""")
        .On("POST /advisories/feeds/pypi/sync", 202, Feed));

    private static string Sha256Of(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The machine as it is before each run.</summary>
    public static void Prepare(UserMachine machine, string url)
    {
        machine.In = "envp_piped\n";
        machine.Environment();
        machine.Write("environment.yml", "name: demo\nchannels: [conda-forge]\ndependencies:\n  - numpy=1.26.4=py311h64a7726_0\n"
            + "  - openssl=1.1.1k\n  - scipy>=1.0\n  - pip:\n      - requests==2.25.1\n      - flask\n");
        machine.Write("pixi.lock", "version: 6\nenvironments:\n  test: {packages: {linux-64: [{conda: "
            + "'https://conda.anaconda.org/conda-forge/linux-64/openssl-1.1.1k-h27cfd23_0.conda'}]} }\npackages: []\n");
        machine.Write("pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'requests'\nversion = '2.25.1'\n");
        machine.Write("broken.toml", "lock-version = \n");
        machine.Write("pyproject.toml", "[project]\nname = 'demo'\ndependencies = ['requests']\n");
        machine.Write(
            "policy.yml",
            "name: kev\nrules:\n  - name: exploited\n    when:\n      known_exploited: true\n    then: block\n    grace: 14d\n");
        machine.Write("broken.yml", "name: demo\ndependencies: [numpy=1.0\n");
        machine.Write(
            "list.json",
            """[{"name": "openssl", "version": "1.1.1k", "build_string": "h27cfd23_0", "channel": "pkgs/main", "platform": "linux-64"}]""");
        machine.Write("event.json", new FakeLog(300).ProofOf(257));
        machine.Write("vex.json", """{"bomFormat":"CycloneDX"}""");
        machine.Write("osv.json", """{"schema_version": "1.7.0", "id": "PYSEC-1"}""");
        machine.Write(
            ".config/envplatform/settings.json",
            $$"""{"url":"{{url}}","token":"envp_secret","organization":"acme","machine_id":"0192f0c1-0000-7000-8000-000000000001"}""");
    }

    public override string ToString() => string.Join(' ', Args.Prepend(Command));
}
