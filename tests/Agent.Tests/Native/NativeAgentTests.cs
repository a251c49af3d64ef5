using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

using EnvPlatform.Agent.Tests.Commands;

using Microsoft.AspNetCore.Http;

namespace EnvPlatform.Agent.Tests.Native;

/// <summary>The native program behaves like the managed build of the same sources.</summary>
[NonParallelizable]
public sealed partial class NativeAgentTests : CommandFixture
{
    private const string Import = "GET /advisories/imports/i1";
    private const string Colour = "\u001b\\[[\\d;]+m";
    private const int ManyPackages = 10_000;
    private string _program = "";

    [OneTimeSetUp]
    public async Task PublishAsync() => _program = await Publishing.NativeProgramAsync();

    [SetUp]
    public void WaitLonger() => Machine.Variables["ENVPLATFORM_CHECK_TIMEOUT_MS"] = "10000";

    [Test]
    public void Every_command_is_run() =>
        Assert.That(NativeRun.All.Select(run => run.Command).Distinct(StringComparer.Ordinal),
            Is.EquivalentTo(Commands().Where(command => command.IsLeaf).Select(command => command.Path)));

    [TestCaseSource(typeof(NativeRun), nameof(NativeRun.All))]
    public async Task A_command_does_the_same_in_native_code(object testCase)
    {
        var run = (NativeRun)testCase;
        NativeRun.Answer(Platform);
        string[] args = [.. run.Command.Split(' '), .. run.Args.Select(Filled)];
        NativeRun.Prepare(Machine, Platform.Url);
        var usual = await Machine.RunAsync(args);
        var (usualRequests, usualFiles) = (Asked(), Kept());

        Platform.Requests.Clear();
        NativeRun.Prepare(Machine, Platform.Url);
        var native = await Machine.RunProgramAsync(_program, args);
        Assert.Multiple(() =>
        {
            Assert.That(native.ExitCode, Is.EqualTo(run.ExitCode), native.Error);
            Assert.That(native.Out + native.Error, Does.Contain(Filled(run.Shows)));
            Assert.That(Comparable(native), Is.EqualTo(Comparable(usual)));
            Assert.That(Asked(), Is.EqualTo(usualRequests));
            Assert.That(Kept(), Is.EqualTo(usualFiles));
        });
    }

    [Test]
    public async Task Help_and_version_are_the_same_in_native_code()
    {
        foreach (var (path, _) in Commands())
        {
            string[] args = [.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"];
            var native = await Machine.RunProgramAsync(_program, args);
            Assert.That((native.ExitCode, native.Error, native.Out), Is.EqualTo((0, "", Help(await Machine.RunAsync(args)))), path);
        }

        Assert.That(await Machine.RunProgramAsync(_program, "--version"), Is.EqualTo(await Machine.RunAsync("--version")));
        Assert.That(await Machine.RunProgramAsync(_program, "env", "lst"), Is.EqualTo(await Machine.RunAsync("env", "lst")));
    }

    [Test]
    public async Task A_check_is_answered_from_the_cache_and_takes_less_than_17_MB()
    {
        long peak = 0;
        Platform.On($"GET {Orgs}/activation", async (_, response) =>
            {
                // The caller waits for this answer: its memory use so far is nearly its maximum.
                peak = OperatingSystem.IsLinux() ? PeakOf(_program) : 0;
                await response.WriteAsync("""{"status": "block", "message": "Old openssl."}""");
            });
        Assert.That((await Machine.RunProgramAsync(_program, "check", "--prefix", "/envs/science")).ExitCode, Is.EqualTo(1));
        await Platform.DisposeAsync();
        var cached = await Machine.RunProgramAsync(_program, "check", "--prefix", "/envs/science", "--json");
        Assert.Multiple(() =>
        {
            Assert.That((cached.ExitCode, (string)cached.Json()["source"]!), Is.EqualTo((1, "cache")));
            Assert.That(peak, Is.InRange(OperatingSystem.IsLinux() ? 1_000_000 : 0, 17_000_000));
        });
    }

    [Test]
    public async Task The_proxy_of_the_environment_is_used()
    {
        Platform.On($"GET {Orgs}/environments", 200, """{"items": [], "total_count": 0}""");
        Machine.Variables["ENVPLATFORM_URL"] = "http://envplatform.example.org";
        Machine.Variables["HTTP_PROXY"] = Machine.Variables["http_proxy"] = Platform.Url;
        var ended = await Machine.RunProgramAsync(_program, "env", "list");
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(Platform.Requests.Single().Headers["Host"], Is.EqualTo("envplatform.example.org"));
    }

    [Test]
    public async Task A_lock_file_of_10_000_packages_is_read()
    {
        NativeRun.Answer(Platform);
        var file = Machine.Write("conda-lock.yml", LockFile());
        await Machine.RunAsync("audit", "scan", "--file", file);
        var usual = Asked();
        Platform.Requests.Clear();
        var started = TimeProvider.System.GetTimestamp();
        var native = await Machine.RunProgramAsync(_program, "audit", "scan", "--file", file, "--fail-on", "never");
        var took = TimeProvider.System.GetElapsedTime(started);
        await TestContext.Progress.WriteLineAsync($"10,000 packages were read and sent in {took.TotalMilliseconds:0} ms.");
        Assert.Multiple(() =>
        {
            Assert.That((native.ExitCode, native.Error), Is.EqualTo((0, "")));
            Assert.That(Platform.Requests.Single().Json().GetProperty("packages").GetArrayLength(), Is.EqualTo(ManyPackages));
            Assert.That(Asked(), Is.EqualTo(usual));
            Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(20)));
        });
    }

    [Test]
    public async Task A_wide_terminal_shows_a_table_with_colour_and_a_narrow_one_breaks_no_id()
    {
        NativeRun.Answer(Platform);
        using var wide = Terminal.Start(Machine, 200, _program, "env", "list");
        using var narrow = Terminal.Start(Machine, 60, _program, "env", "list");
        var (wideCode, wideTable) = await wide.EndAsync();
        var (narrowCode, narrowTable) = await narrow.EndAsync();
        Assert.Multiple(() =>
        {
            Assert.That((wideCode, narrowCode), Is.EqualTo((0, 0)), wideTable + narrowTable);
            Assert.That(
                wideTable, Does.Contain("│").And.Contains("╭").And.Match(Colour).And.Contains("MACHINE").And.Contains("ada-laptop"));
            Assert.That(narrowTable, Does.Not.Contain("│").And.Not.Contains("MACHINE").And.Contains("0192f0c1-0000-7000-8000-0000000000e1")
                .And.Contains("VULNERABILITIES"));
        });

        Machine.Variables["NO_COLOR"] = "1";
        using var plain = Terminal.Start(Machine, 200, _program, "env", "list");
        Assert.That((await plain.EndAsync()).Shown, Does.Contain("│").And.Not.Match(Colour));
    }

    [Test]
    public async Task Login_asks_for_the_token_without_showing_it_and_for_the_organization()
    {
        Machine.Variables.Clear();
        Machine.Variables["ENVPLATFORM_MACHINE_ID"] = "0192f0c1-0000-7000-8000-000000000001";
        Platform.On("GET /me", 200, """{"email": "ada@example.org", "organizations": [{"slug": "acme"}, {"slug": "umbrella"}]}""")
            .On("PUT /orgs/umbrella/machines/0192f0c1-0000-7000-8000-000000000001", 200, "{}");
        using var terminal = Terminal.Start(Machine, 120, _program, "login", "--url", Platform.Url);
        await terminal.ShowsAsync("Token: ");
        await terminal.IsSilentAsync();
        await terminal.TypeAsync("envp_typex\u007fd\r");
        await terminal.ShowsAsync("Which organization (acme, umbrella)? ");
        await terminal.TypeAsync("umbrella\r");
        await terminal.ShowsAsync("[Y/n] ");
        await terminal.TypeAsync("n\r");
        var (exitCode, shown) = await terminal.EndAsync();
        Assert.Multiple(() =>
        {
            Assert.That(exitCode, Is.Zero, shown);
            Assert.That(
                shown, Does.Contain("as ada@example.org, organization umbrella.").And.Not.Contains("typed").And.Not.Contains("typex"));
            Assert.That(Platform.To("GET /me").Single().Headers["Authorization"], Is.EqualTo("Bearer envp_typed"));
            Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Contain("\"envp_typed\"").And.Contains("\"umbrella\""));
        });
    }

    [Test]
    public async Task Progress_is_a_bar_on_a_terminal_and_lines_elsewhere()
    {
        string[] args = ["advisories", "import", Machine.Write("osv.json", """{"schema_version": "1.7.0"}""")];
        AnswerSlowly();
        using var terminal = Terminal.Start(Machine, 120, _program, args);
        var (exitCode, shown) = await terminal.EndAsync();
        await Platform.DisposeAsync();
        Assert.Multiple(() =>
        {
            Assert.That(exitCode, Is.Zero, shown);
            Assert.That(shown, Does.Contain("\r[############............] Matching 5 of 10 packages"));
            Assert.That(shown, Does.Match(@"\r +\rImported 7 advisories"), "the bar is removed");
        });

        await StopAsync();
        await StartAsync();
        args[2] = Machine.Write("osv.json", """{"schema_version": "1.7.0"}""");
        AnswerSlowly();
        var elsewhere = await Machine.RunProgramAsync(_program, args);
        Assert.That(elsewhere.Error, Does.Contain("Matching 5 of 10 packages (50 %)").And.Not.Contains("\r["));
    }

    private void AnswerSlowly() => Platform
        .On("POST /advisories/imports", 202, """{"id": "i1", "status": "running"}""")
        .On(Import, 200, """{"id": "i1", "status": "running", "phase": "matching", "packages_matched": 5, "packages_total": 10}""")
        .On(Import, 200, """{"id": "i1", "status": "completed", "advisories": 7, "added": 7}""");

    private string Filled(string text) =>
        text.Replace("{home}", Machine.Home, StringComparison.Ordinal).Replace("{url}", Platform.Url, StringComparison.Ordinal);

    /// <summary>The requests to the platform, without the parts that differ each time.</summary>
    private string Asked()
    {
        var text = new StringBuilder();
        foreach (var received in Platform.Requests)
        {
            var headers = received.Headers.Where(
                header => header.Key is not ("Idempotency-Key" or "traceparent" or "Content-Length" or "Host"))
                .OrderBy(header => header.Key, StringComparer.Ordinal);
            text.AppendLine(CultureInfo.InvariantCulture, $"{received.Method} {received.Path}{received.Query} "
                + $"{string.Join(", ", headers.Select(header => $"{header.Key}: {header.Value}"))}");
            text.AppendLine(Named(Encoding.UTF8.GetString(received.Body)));
        }

        return text.ToString();
    }

    /// <summary>The settings and the cache as a run left them, without the times of answers.</summary>
    private string Kept() =>
        string.Join('\n', new[] { ".config", ".cache" }.Select(folder => Path.Combine(Machine.Home, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)).Order(StringComparer.Ordinal)
            .Select(file => $"{file}: {CheckedAt().Replace(Named(File.ReadAllText(file)), "")}"));

    private static Ended Comparable(Ended ended) =>
        ended with { Out = Latency().Replace(Named(ended.Out), "some ms"), Error = Named(ended.Error) };

    /// <summary>The text with this machine's name replaced.</summary>
    private static string Named(string text) => Regex.Replace(text, $@"\b{Regex.Escape(Environment.MachineName)}\b", "ada-laptop");

    /// <summary>The program's own name in the usage line is that of the process.</summary>
    private static string Help(Ended usual) => usual.Out.Replace(RootCommand.ExecutableName, "envplatform", StringComparison.Ordinal);

    private static IEnumerable<(string Path, bool IsLeaf)> Commands()
    {
        using var machine = new UserMachine();
        return [.. Below(CommandLine.All(machine.Surroundings(TextWriter.Null, TextWriter.Null)), "")];
    }

    private static IEnumerable<(string Path, bool IsLeaf)> Below(Command command, string path) =>
        command.Subcommands.SelectMany(child => Below(child, $"{path} {child.Name}".TrimStart()))
            .Prepend((path, command.Subcommands.Count == 0));

    private static long PeakOf(string program)
    {
        foreach (var folder in Directory.GetDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0])))
        {
            try
            {
                if (File.ResolveLinkTarget(Path.Combine(folder, "exe"), returnFinalTarget: false)?.FullName == program
                    && Peak().Match(File.ReadAllText(Path.Combine(folder, "status"))) is { Success: true } match)
                {
                    return long.Parse(match.Groups["kb"].Value, CultureInfo.InvariantCulture) * 1_024;
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // Processes end, and those of other users may not be readable.
            }
        }

        return 0;
    }

    private static string LockFile()
    {
        var text = new StringBuilder("version: 1\nmetadata:\n  content_hash:\n    linux-64: abc\n  channels:\n  - url: conda-forge\n"
            + "    used_env_vars: []\n  platforms:\n  - linux-64\n  sources:\n  - environment.yml\npackage:\n");
        for (var number = 0; number < ManyPackages; number++)
        {
            text.Append(CultureInfo.InvariantCulture, $$"""
                - name: package-{{number}}
                  version: 1.{{number}}.0
                  manager: conda
                  platform: linux-64
                  dependencies:
                    python: '>=3.11,<3.12.0a0'
                    libgcc-ng: '>=12'
                  url: https://conda.anaconda.org/conda-forge/linux-64/package-{{number}}-1.{{number}}.0-h166bdaf_{{number % 7}}.conda
                  hash:
                    md5: 0123456789abcdef0123456789abcdef
                    sha256: {{number:x64}}
                  category: main
                  optional: false

                """);
        }

        return text.ToString();
    }

    [GeneratedRegex(@"\bin \d+ ms|(?<=""latency_ms"":)[\d.]+", RegexOptions.CultureInvariant)]
    private static partial Regex Latency();

    [GeneratedRegex(@",""checked_at"":""[^""]*""", RegexOptions.CultureInvariant)]
    private static partial Regex CheckedAt();

    [GeneratedRegex(@"VmHWM:\s+(?<kb>\d+) kB", RegexOptions.CultureInvariant)]
    private static partial Regex Peak();
}
