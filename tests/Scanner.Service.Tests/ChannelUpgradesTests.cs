using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>
/// Fix commands by what channels hold, on channels that the tests make: an independent solver carries each of them out, and what comes of
/// it has none of the findings; where it finds no solution, the answer says what stands in the way.
/// </summary>
public sealed class ChannelUpgradesTests : ScannerFixture
{
    private FeedServer _publisher = null!;
    private MachineId _machine;
    private int _channels;

    protected override async Task PrepareAsync()
    {
        _publisher = await FeedServer.StartAsync();
        _machine = await RegisterMachineAsync(Bob);
        await ImportAsync(File(
            Record("PYSEC-2026-1", "heron", null, "2.0", ["CVE-2026-2001"], High),
            Record("PYSEC-2026-2", "heron", "3.0", "3.2", ["CVE-2026-2002"], High),
            Record("PYSEC-2026-3", "egret", null, "1.5", ["CVE-2026-2003"], Medium),
            Record("PYSEC-2026-4", "jay", null, null, ["CVE-2026-2004"], Medium),
            Native("NATIVE-1", "1.1.1", "1.1.1x", "CVE-2026-2005"), Native("NATIVE-2", "3.0.0", "3.0.16", "CVE-2026-2005"),
            Native("NATIVE-3", "3.1.0", "3.1.8", "CVE-2026-2005")));
    }

    [OneTimeTearDown]
    public ValueTask StopPublisherAsync() => _publisher.DisposeAsync();

    [Test]
    public async Task The_lowest_version_that_the_channel_has_and_that_goes_with_the_rest_is_proposed()
    {
        var channel = await ChannelAsync(
            Package("python", "3.98.1", "h0"), Package("heron", "1.0", "py398_0", "python >=3.98,<3.99.0a0"),
            Package("heron", "1.9", "py398_0", "python >=3.98,<3.99.0a0"), Package("heron", "2.0.1", "py399_0", "python >=3.99,<3.100.0a0"),
            Package("heron", "2.1", "py398_0", "python >=3.98,<3.99.0a0"), Package("heron", "2.4", "py398_0", "python >=3.98,<3.99.0a0"),
            Package("heron", "3.0", "py398_0", "python >=3.98,<3.99.0a0"), Package("heron", "3.3", "py398_0", "python >=3.98,<3.99.0a0"),
            Package("owl", "1.0", "py398_0", "heron >=1,<2.2"), Package("python", "3.99.1", "h0"));
        var answer = await UpgradesAsync(channel, ("python", "3.98.1", "h0"), ("heron", "1.0", "py398_0"), ("owl", "1.0", "py398_0"));
        Assert.Multiple(() =>
        {
            Assert.That(Items(answer), Is.EqualTo(new[] { "heron 1.0 -> 2.1 (heron>=2.1,<3.0) repodata checked" }),
                "2.0 does not exist, 2.0.1 is for another python");
            Assert.That(answer.GetProperty("unfixed").GetArrayLength(), Is.Zero);
            Assert.That(answer.GetProperty("items")[0].GetProperty("note").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(answer.GetProperty("channels")[0].GetProperty("known").GetString(), Is.EqualTo("whole"));
        });
        await ClearsAsync(channel, answer, ("python", "3.98.1"), ("heron", "1.0"), ("owl", "1.0"));
    }

    [Test]
    public async Task OpenSsl_goes_to_its_next_line_where_the_last_free_release_of_its_own_is_affected()
    {
        var channel = await ChannelAsync(
            Package("python", "3.98.5", "h1", "openssl >=1.1.1k,<1.1.2a"), Package("python", "3.98.20", "h3", "openssl >=3.0.0,<4.0a0"),
            Package("python", "3.99.1", "h3", "openssl >=3.0.0,<4.0a0"), Package("openssl", "1.1.1k", "h0"),
            Package("openssl", "1.1.1w", "h0"), Package("openssl", "3.0.14", "h0"), Package("openssl", "3.0.17", "h0"),
            Package("openssl", "3.1.0", "h0"), Package("openssl", "3.1.9", "h0"));
        var answer = await UpgradesAsync(channel, ("python", "3.98.5", "h1"), ("openssl", "1.1.1k", "h0"));
        Assert.That(Items(answer), Is.EqualTo(new[] { "openssl 1.1.1k -> 3.0.17 (openssl>=3.0.17,<3.1.0) repodata checked" }));
        await ClearsAsync(channel, answer, ("python", "3.98.5"), ("openssl", "1.1.1k"));
    }

    [Test]
    public async Task OpenSsl_of_an_unknown_channel_is_not_asked_for_a_release_that_nobody_can_have()
    {
        var answer = await UpgradesAsync(NewChannel(), ("openssl", "1.1.1k", "h0"));
        Assert.Multiple(() =>
        {
            Assert.That(Items(answer), Is.EqualTo(new[] { "openssl 1.1.1k -> 3.0.16 (openssl>=3.0.16,<3.1.0) not_known" }));
            Assert.That(answer.GetProperty("items")[0].GetProperty("note").GetString(),
                Does.StartWith("After 1.1.1w, OpenSSL 1.1.1 is released to holders of a support contract only"));
            Assert.That(answer.GetProperty("notes")[0].GetString(),
                Does.Contain("openssl").And.Contains("What the channel holds for linux-64 is not known").And.Contains("was not checked"));
            Assert.That(answer.GetProperty("channels")[0].GetProperty("known").GetString(), Is.EqualTo("not_known"));
        });
    }

    [Test]
    public async Task A_version_for_another_python_is_no_solution_and_python_is_named()
    {
        var channel = await ChannelAsync(
            Package("python", "3.98.5", "h0"), Package("python", "3.98.9", "h0"), Package("python", "3.99.1", "h0"),
            Package("heron", "1.0", "py398_0", "python >=3.98,<3.99.0a0"), Package("heron", "2.0", "py399_0", "python >=3.99,<3.100.0a0"));
        var answer = await UpgradesAsync(channel, ("python", "3.98.5", "h0"), ("heron", "1.0", "py398_0"));
        Assert.That(Left(answer), Is.EqualTo(new[]
        {
            "heron CVE-2026-2001 no_solution: 2.0 would clear it, but heron 2.0 needs python >=3.99,<3.100.0a0, which python 3.98.5 is "
            + $"not, and the other build in python 3.98 of {channel} does not help.",
        }));
        Assert.That((Items(answer), answer.GetProperty("commands").GetArrayLength()), Is.EqualTo((Array.Empty<string>(), 0)));
        var (packages, _) = (await CondaSolver.SolveAsync((AddressOf(channel), ["heron>=2.0", "python 3.98.*"]))).Single();
        Assert.That(packages, Is.Null, "nor has the solver a solution");
    }

    [Test]
    public async Task A_package_that_needs_the_old_version_is_named_as_what_stands_in_the_way()
    {
        var channel = await ChannelAsync(
            Package("heron", "1.0", "py_0"), Package("heron", "2.0", "py_0"), Package("owl", "1.0", "py_0", "heron >=1,<2"),
            Package("owl", "1.1", "py_0", "heron >=1,<2"), Package("owl", "0.9", "py_0", "heron 1.0"));
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"), ("owl", "1.0", "py_0"));
        Assert.That(Left(answer), Is.EqualTo(new[]
        {
            "heron CVE-2026-2001 no_solution: 2.0 would clear it, but owl 1.0 needs heron >=1,<2, which heron 2.0 is not, and none of the "
            + $"other 2 builds in {channel} helps.",
        }));
        var (packages, _) = (await CondaSolver.SolveAsync((AddressOf(channel), ["heron>=2.0", "owl"]))).Single();
        Assert.That(packages, Is.Null, "nor has the solver a solution");
    }

    [Test]
    public async Task What_the_new_version_needs_and_constrains_counts_also_through_others()
    {
        var channel = await ChannelAsync(
            Package("heron", "1.0", "py_0"), Package("heron", "2.0", "py_0", "kite >=2"), Package("heron", "2.1", "py_0", "kite >=1"),
            Package("kite", "1.0", "0", "wren <2"), Package("kite", "2.0", "0", "wren >=3"), Package("wren", "1.0", "0"),
            new ChannelPackage("heron", "2.2", "py_0", 0, [], ["wren >=9"]));
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"), ("wren", "1.0", "0"));
        Assert.That(Items(answer), Is.EqualTo(new[] { "heron 1.0 -> 2.1 (heron>=2.1,<3.0) repodata checked" }), "2.0 needs wren 3");
        await ClearsAsync(channel, answer, ("heron", "1.0"), ("wren", "1.0"));
    }

    [Test]
    public async Task Upgrades_that_need_each_other_are_found_together()
    {
        var channel = await ChannelAsync(
            Package("heron", "1.0", "py_0", "egret <1.5"), Package("heron", "2.0", "py_0", "egret >=1.6"),
            Package("heron", "2.5", "py_0", "egret >=1.5,<1.6"), Package("egret", "1.0", "py_0"), Package("egret", "1.5", "py_0"),
            Package("egret", "1.6", "py_0"), Package("owl", "1", "py_0", "egret <1.6"));
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"), ("egret", "1.0", "py_0"), ("owl", "1", "py_0"));
        Assert.That(Items(answer), Is.EqualTo(new[]
        {
            "egret 1.0 -> 1.5 (egret>=1.5) repodata checked", "heron 1.0 -> 2.5 (heron>=2.5,<3.0) repodata checked",
        }));
        await ClearsAsync(channel, answer, ("heron", "1.0"), ("egret", "1.0"), ("owl", "1"));
    }

    [Test]
    public async Task A_package_that_only_the_old_version_needs_may_go()
    {
        var channel = await ChannelAsync(
            Package("heron", "1.0", "py_0", "kite <2"), new ChannelPackage("heron", "2.0", "py_0", 0, [], ["kite >=2"]),
            Package("kite", "1.0", "0"));
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"), ("kite", "1.0", "0"));
        Assert.Multiple(() =>
        {
            Assert.That(Items(answer), Is.EqualTo(new[] { "heron 1.0 -> 2.0 (heron>=2.0,<3.0) repodata checked" }));
            Assert.That(answer.GetProperty("notes")[0].GetString(), Does.Contain("no place for kite"));
        });
        await ClearsAsync(channel, answer, ("heron", "1.0"));
    }

    [Test]
    public async Task What_the_channel_does_not_have_is_said_and_never_proposed()
    {
        var channel = await ChannelAsync(Package("heron", "1.0", "py_0"), Package("heron", "1.9", "py_0"), Package("jay", "1", "py_0"));
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"), ("egret", "1.0", "py_0"), ("jay", "1", "py_0"));
        var left = Left(answer);
        Assert.Multiple(() =>
        {
            Assert.That(Items(answer), Is.Empty);
            Assert.That(left, Has.Length.EqualTo(3));
            Assert.That(left[0], Does.StartWith($"egret CVE-2026-2003 no_such_package: {channel} has no package egret for linux-64"));
            Assert.That(left[1], Does.StartWith(
                $"heron CVE-2026-2001 no_such_version: {channel} has no later version for linux-64 that is free of it; the latest that it "
                + "has is 1.9 (as of 20").And.EndsWith("Advisories name 2.0 as fixes."));
            Assert.That(left[2], Does.StartWith("jay CVE-2026-2004 no_such_version").And.EndsWith(
                "No advisory names a version that fixes it."));
        });
    }

    [Test]
    public async Task Of_a_channel_that_is_known_in_part_what_is_not_there_is_not_denied()
    {
        var channel = NewChannel();
        await ImportAsync(Channels.Repodata("linux-64", Package("heron", "1.0", "py_0"), Package("heron", "2.3", "py_0")),
            $"repodata&channel={channel}");
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"), ("egret", "1.0", "py_0"));
        Assert.Multiple(() =>
        {
            Assert.That(Items(answer), Is.EqualTo(new[]
            {
                "egret 1.0 -> 1.5 (egret>=1.5) not_known", "heron 1.0 -> 2.3 (heron>=2.3,<3.0) repodata checked",
            }));
            Assert.That(answer.GetProperty("channels")[0].GetProperty("known").GetString(), Is.EqualTo("in_part"));
        });
    }

    [Test]
    public async Task Without_repodata_a_version_that_the_organization_has_logged_is_proposed_and_said()
    {
        var channel = NewChannel();
        var other = await LogAsync(
            Bob, _machine, "/opt/other-" + _channels, Conda("heron", "2.3", "py_0") with { Channel = channel });
        var theirs = await LogAsync(
            Mallory, await RegisterMachineAsync(Mallory), "/opt/theirs-" + _channels,
            Conda("heron", "2.2", "py_0") with { Channel = channel });
        await ScannedAsync(other);
        await ScannedAsync(theirs);
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"));
        Assert.Multiple(() =>
        {
            Assert.That(
                Items(answer), Is.EqualTo(new[] { "heron 1.0 -> 2.3 (heron>=2.3,<3.0) seen" }), "not what another organization has");
            Assert.That(answer.GetProperty("notes")[0].GetString(),
                Does.StartWith("The versions of heron are in your organization's logs.").And.Contains("was not checked"));
        });
    }

    [Test]
    public async Task A_fix_from_PyPI_says_what_it_was_taken_from()
    {
        var id = await LogAsync(Bob, _machine, $"/opt/pip-{++_channels}", PyPi("heron", "1.0"));
        await ScannedAsync(id);
        var answer = await GetAsync(Bob, $"environments/{id}/upgrades");
        Assert.That(Items(answer), Is.EqualTo(new[] { "heron 1.0 -> 2.0 (heron>=2.0,<3.0) advisory" }));
        Assert.That(answer.GetProperty("notes")[0].GetString(),
            Does.StartWith("The versions of heron are those that advisories name as fixes. What PyPI holds")
                .And.Contains("was not checked"));
    }

    [Test]
    public async Task The_local_audit_proposes_by_what_the_channel_holds_too()
    {
        var channel = await ChannelAsync(Package("heron", "1.0", "py_0"), Package("heron", "2.7", "py_0"));
        var body = new
        {
            packages = new[] { new { manager = "conda", name = "heron", version = "1.0", build = "py_0", channel, subdir = "linux-64" } },
        };
        var answer = await OkAsync(await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(body)));
        Assert.That(
            Items(answer.GetProperty("upgrades")), Is.EqualTo(new[] { "heron 1.0 -> 2.7 (heron>=2.7,<3.0) repodata checked" }));
    }

    [Test]
    public async Task What_is_installed_and_contradicts_itself_decides_nothing()
    {
        var channel = await ChannelAsync(
            Package("heron", "1.0", "py_0"), Package("heron", "2.0", "py_0"), Package("owl", "1.0", "0", "wren >=2"),
            Package("wren", "1", "0"));
        var answer = await UpgradesAsync(channel, ("heron", "1.0", "py_0"), ("owl", "1.0", "0"), ("wren", "1", "0"));
        Assert.Multiple(() =>
        {
            Assert.That(Items(answer), Is.EqualTo(new[] { "heron 1.0 -> 2.0 (heron>=2.0,<3.0) repodata" }));
            Assert.That(answer.GetProperty("items")[0].GetProperty("note").GetString(), Does.Contain("was not decided"));
            Assert.That(answer.GetProperty("notes")[0].GetString(), Does.Contain("contradicts itself (owl 1.0 needs wren >=2"));
        });
    }

    /// <summary>
    /// Channels drawn at random, so that upgrades need other packages to move, or cannot be: what is proposed has a solution without the
    /// findings, and what is said to have none has none.
    /// </summary>
    [Test]
    public async Task An_independent_solver_agrees_on_random_channels()
    {
        var channels = new List<(string Channel, ChannelPackage[] Packages)>();
        for (var seed = 0; seed < 100; seed++)
        {
            var packages = RandomChannel(new Random(seed));
            channels.Add((await ChannelAsync(packages), packages));
        }

        // Environments that are affected, as the solver makes them.
        var starts = await CondaSolver.SolveAsync(
            [.. channels.Select(one => (AddressOf(one.Channel), (string[])["heron <2", "egret <1.5", "owl", "kite"]))]);
        var cases = new List<(string Channel, JsonElement Answer, (string Name, string Version)[] Installed)>();
        var impossible = new List<(string Channel, string Left, string[] Specs)>();
        var environments = 0;
        foreach (var ((channel, packages), start) in channels.Zip(starts).Where(pair => pair.Second.Packages is not null))
        {
            environments++;
            var installed = start.Packages!.Select(one => packages.Single(package =>
                (package.Name, package.Version, package.Build) == (one.Name, one.Version, one.Build))).ToArray();
            var answer = await UpgradesAsync(channel, [.. installed.Select(package => (package.Name, package.Version, package.Build))]);
            if (answer.GetProperty("items").GetArrayLength() > 0)
            {
                cases.Add((channel, answer, [.. installed.Select(package => (package.Name, package.Version))]));
            }

            var needed = installed.SelectMany(package => package.Depends).Select(spec => spec.Split(' ')[0]).ToHashSet();
            foreach (var left in answer.GetProperty("unfixed").EnumerateArray()
                .Where(left => left.GetProperty("reason").GetString() == "no_solution"))
            {
                var name = left.GetProperty("name").GetString()!;
                // The packages that nothing needs stay, and the upgrades that were decided before.
                impossible.Add((channel, left.ToString(),
                [
                    name == "heron" ? "heron >=2,<3|>=3.2" : "egret >=1.5",
                    .. SpecsOf(answer).Where(spec => !spec.StartsWith(name, StringComparison.Ordinal)),
                    .. installed.Select(package => package.Name).Where(other => other != name && !needed.Contains(other)),
                ]));
            }
        }

        await ClearsAsync([.. cases]);
        var solved = await CondaSolver.SolveAsync([.. impossible.Select(one => (AddressOf(one.Channel), one.Specs))]);
        foreach (var (one, (packages, _)) in impossible.Zip(solved))
        {
            Assert.That(
                packages, Is.Null,
                $"{one.Channel}: {one.Left} and yet {string.Join(' ', packages?.Select(found => $"{found}") ?? [])}");
        }

        TestContext.Out.WriteLine($"{environments} environments, {cases.Count} with upgrades, {impossible.Count} without solution");
        Assert.That((cases.Count >= 15, impossible.Count >= 5), Is.EqualTo((true, true)), $"{cases.Count}, {impossible.Count}");
    }

    private static ChannelPackage[] RandomChannel(Random random)
    {
        string[] names = ["heron", "egret", "owl", "kite", "wren"];
        string[][] versions =
            [["1.0", "1.9", "2.0", "2.4", "3.1", "3.3"], ["1.0", "1.4", "1.5", "1.8"], ["1", "2", "3"], ["1", "2", "3"], ["1", "2"]];
        string Spec(int i) => random.Next(3) switch
        {
            0 => $"{names[i]} >={versions[i][random.Next(versions[i].Length)]}",
            1 => $"{names[i]} <={versions[i][random.Next(versions[i].Length)]}",
            _ => $"{names[i]} {versions[i][random.Next(versions[i].Length)]}",
        };
        string[] Others(int i, int count) =>
            [.. Enumerable.Range(0, count).Select(_ => random.Next(names.Length)).Where(j => j != i).Distinct().Select(Spec)];
        IEnumerable<ChannelPackage> Builds(int i, string version) => Enumerable.Range(0, random.Next(3) == 0 ? 2 : 1).Select(build =>
            new ChannelPackage(
                names[i], version, $"py_{build}", build, Others(i, random.Next(1, 4)), Others(i, random.Next(3) == 0 ? 1 : 0)));
        return [.. names.SelectMany((_, i) => versions[i].SelectMany(version => Builds(i, version)))];
    }

    private Task ClearsAsync(string channel, JsonElement answer, params (string Name, string Version)[] installed) =>
        ClearsAsync([(channel, answer, installed)]);

    /// <summary>Has the solver carry out what is proposed, in environments that keep their packages, and scans what comes of it.</summary>
    private async Task ClearsAsync((string Channel, JsonElement Answer, (string Name, string Version)[] Installed)[] cases)
    {
        var solved = await CondaSolver.SolveAsync(
            [.. cases.Select(one => (AddressOf(one.Channel), (string[])[.. SpecsOf(one.Answer), .. KeptOf(one.Answer, one.Installed)]))]);
        foreach (var ((channel, answer, _), (packages, error)) in cases.Zip(solved))
        {
            Assert.That(packages, Is.Not.Null, $"{channel}: {string.Join(' ', SpecsOf(answer))}: {error}");
            await ScanAsync(channel, answer, packages!);
        }
    }

    private static IEnumerable<string> KeptOf(JsonElement answer, (string Name, string Version)[] installed)
    {
        var upgraded = answer.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("name").GetString()).ToHashSet();
        var dropped = string.Join(' ', answer.GetProperty("notes").EnumerateArray().Select(note => note.GetString())
            .Where(note => note!.Contains("no place for", StringComparison.Ordinal)));
        return installed
            .Where(package => !upgraded.Contains(package.Name) && !dropped.Contains(package.Name, StringComparison.Ordinal))
            .Select(package => package.Name == "python"
                ? $"python {string.Join('.', package.Version.Split('.').Take(2))}.*" : package.Name);
    }

    private async Task ScanAsync(string channel, JsonElement answer, CondaSolver.Solved[] packages)
    {
        foreach (var item in answer.GetProperty("items").EnumerateArray())
        {
            Assert.That(packages.Select(package => package.Name), Does.Contain(item.GetProperty("name").GetString()));
        }

        var body = new
        {
            packages = packages.Select(package => new
            {
                manager = "conda",
                name = package.Name,
                version = package.Version,
                build = package.Build,
                channel,
            }),
        };
        var scanned = await OkAsync(await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(body)));
        foreach (var package in scanned.GetProperty("packages").EnumerateArray())
        {
            var found = package.GetProperty("vulnerabilities").EnumerateArray().Select(one => one.GetProperty("id").GetString()).ToArray();
            var cleared = answer.GetProperty("items").EnumerateArray()
                .Where(item => item.GetProperty("name").GetString() == package.GetProperty("name").GetString())
                .SelectMany(item => item.GetProperty("clears").EnumerateArray().Select(id => id.GetString())).ToArray();
            Assert.That(found.Intersect(cleared), Is.Empty, $"{channel}: {package}");
        }
    }

    private static string[] SpecsOf(JsonElement answer) =>
        [.. answer.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("spec").GetString()!)];

    private string NewChannel() => $"https://conda.example.org/made-{++_channels}";

    private async Task<string> ChannelAsync(params ChannelPackage[] packages)
    {
        var channel = NewChannel();
        var (platform, noarch) = (Channels.Repodata("linux-64", packages), Channels.Repodata("noarch", Package("nothing", "1", "0")));
        _publisher.Publish($"/{channel.Split('/')[^1]}/linux-64/repodata.json", platform);
        _publisher.Publish($"/{channel.Split('/')[^1]}/noarch/repodata.json", noarch);
        await ImportAsync(platform, $"repodata&channel={channel}");
        await ImportAsync(noarch, $"repodata&channel={channel}");
        return channel;
    }

    private string AddressOf(string channel) => $"{_publisher.Address}/{channel.Split('/')[^1]}";

    private static ChannelPackage Package(string name, string version, string build, params string[] depends) =>
        Channels.Package(name, version, build, depends);

    private async Task<JsonElement> UpgradesAsync(string channel, params (string Name, string Version, string Build)[] packages)
    {
        var id = await LogAsync(Bob, _machine, $"/opt/{channel.Split('/')[^1]}", [.. packages.Select(package =>
            Conda(package.Name, package.Version, package.Build) with { Channel = channel })]);
        await ScannedAsync(id);
        return await GetAsync(Bob, $"environments/{id}/upgrades");
    }

    private static string[] Items(JsonElement answer) =>
    [
        .. answer.GetProperty("items").EnumerateArray().Select(item =>
            $"{item.GetProperty("name")} {item.GetProperty("version")} -> {item.GetProperty("to")} ({item.GetProperty("spec")}) "
            + item.GetProperty("basis") + (item.GetProperty("checked").GetBoolean() ? " checked" : "")),
    ];

    private static string[] Left(JsonElement answer) =>
    [
        .. answer.GetProperty("unfixed").EnumerateArray().Select(one =>
            $"{one.GetProperty("name")} {one.GetProperty("vulnerability")} {one.GetProperty("reason")}: {one.GetProperty("known")}"),
    ];

    private static JsonObject Native(string id, string introduced, string fixedIn, string cve)
    {
        var record = Record(id, "openssl", introduced, fixedIn, [cve], High);
        record["affected"]![0]!["package"]!["ecosystem"] = "conda";
        return record;
    }
}
