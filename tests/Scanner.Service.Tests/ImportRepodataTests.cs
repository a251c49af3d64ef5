using System.Net;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>What a channel holds is imported for a platform, changed and taken back.</summary>
public sealed class ImportRepodataTests : ScannerFixture
{
    private const string Ours = "https://conda.example.org/ours";

    [Test]
    public async Task What_a_channel_holds_is_kept_and_replaced_by_the_next_file()
    {
        const string kept = Ours + "/kept";
        var first = await ImportAsync(
            Channels.Repodata(
                "linux-64", Channels.Package("heron", "1.0", "0", ["egret >=1"], ["owl <2"]), Channels.Package("heron", "2.0", "0"),
                Channels.Package("egret", "1.0", "0"), Channels.Package("gone", "1.0", "0")), $"repodata&channel={kept}/");
        Assert.Multiple(async () =>
        {
            Assert.That(Outcome(first), Is.EqualTo("4: 3 0 0 0"));
            Assert.That((first.GetProperty("channel").GetString(), first.GetProperty("subdir").GetString()),
                Is.EqualTo((kept, "linux-64")));
            Assert.That(await StoredAsync(kept), Is.EqualTo(
                """
                egret ["1.0","0",0,[],[]]
                gone ["1.0","0",0,[],[]]
                heron ["1.0","0",0,["egret >=1"],["owl <2"]]["2.0","0",0,[],[]]
                """));
            Assert.That(await ListedAsync(kept), Is.EqualTo($"{kept} linux-64 3 4"));
        });

        using var compressor = new ZstdSharp.Compressor();
        var second = await ImportAsync(
            compressor.Wrap(Channels.Repodata(
                null, Channels.Package("heron", "1.0", "0", ["egret >=1"], ["owl <2"]), Channels.Package("heron", "2.0", "0"),
                Channels.Package("heron", "3.0", "0"), Channels.Package("egret", "1.0", "0"), Channels.Package("jay", "1.0", "0")))
                .ToArray(), $"repodata&channel={kept}&subdir=linux-64");
        Assert.Multiple(async () =>
        {
            Assert.That(Outcome(second), Is.EqualTo("5: 1 1 1 0"));
            Assert.That(await StoredAsync(kept), Does.Not.Contain("gone").And.Contains("3.0").And.Contains("jay"));
        });

        await ImportAsync(Channels.Repodata("noarch", Channels.Package("gone", "9.0", "0")), $"repodata&channel={kept}");
        Assert.That(await ListedAsync(kept), Is.EqualTo($"{kept} linux-64 3 5, {kept} noarch 1 1"), "each platform by itself");
    }

    [Test]
    public async Task A_label_is_no_channel_and_has_its_own_packages()
    {
        var file = Channels.Repodata("linux-64", Channels.Package("a", "1", "0"));
        await ImportAsync(file, "repodata&channel=conda-forge%2Flabel%2Frc");
        await ImportAsync(file, "repodata&channel=bioconda%2F");
        Assert.Multiple(async () =>
        {
            Assert.That(await ListedAsync("conda-forge/label/rc"), Is.Not.Empty);
            Assert.That(await ListedAsync("conda-forge"), Is.Empty);
            Assert.That(await ListedAsync("bioconda"), Is.Not.Empty);
        });
    }

    [Test]
    public async Task What_cannot_be_read_is_named_and_an_import_is_in_the_audit_log()
    {
        var import = await ImportAsync(
            """
            { "info": { "subdir": "noarch" }, "packages": {
              "good-1-0.conda": { "name": "good", "version": "1", "build": "0" }, "bad-1-0.conda": { "name": "bad", "version": 1 } } }
            """u8.ToArray(), $"repodata&channel={Ours}/audited");
        using var client = Scanner.As(Operator);
        var rejections = await client.GetStringAsync(
            new Uri($"/api/v1/advisories/imports/{import.GetProperty("id").GetString()}/rejections", UriKind.Relative));
        Assert.That((Outcome(import), rejections), Is.EqualTo(("1: 1 0 0 1", rejections)));
        Assert.That(rejections, Does.Contain("bad-1-0.conda").And.Contains("not as entries of repodata are"));
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>().Any(e => e.ActionKey == "advisories_imported"
                && e.Message == $"1 packages of {Ours}/audited for noarch (repodata) were imported: 1 added, 0 changed, 0 withdrawn, "
                    + "1 rejected.")), "the import is audited", 20);
    }

    [TestCase("", "is empty", HttpStatusCode.BadRequest)]
    [TestCase("[]", "repodata.json", HttpStatusCode.BadRequest)]
    [TestCase("{}", "no list of packages", HttpStatusCode.Accepted)]
    [TestCase("""{ "packages": {} }""", "does not name its platform", HttpStatusCode.Accepted)]
    [TestCase("""{ "info": { "subdir": "noarch" }, "packages": {} }""", "holds no packages", HttpStatusCode.Accepted)]
    [TestCase("""{ "info": { "subdir": "noarch" }, "packages": { "a": 1 } }""", "None of the 1 entries", HttpStatusCode.Accepted)]
    [TestCase("""{ "info": { "subdir": "../x" }, "packages": { "a": 1 } }""", "../x", HttpStatusCode.Accepted)]
    [TestCase("""{ "packages": { "a-1-0.conda": { """, "no JSON of repodata", HttpStatusCode.Accepted)]
    public async Task A_file_that_is_no_repodata_is_refused_whole(string file, string why, HttpStatusCode status)
    {
        var (answer, import) = await TryAsync($"repodata&channel={Ours}/refused", file);
        Assert.That(answer, Is.EqualTo(status));
        Assert.That(import, Does.Contain(why).IgnoreCase);
        Assert.That(await ListedAsync(Ours + "/refused"), Is.Empty);
    }

    [TestCase("repodata", "channel")]
    [TestCase("repodata&channel=a&subdir=Linux%2064", "subdir")]
    [TestCase("repodata&channel=a&complete=true", "complete")]
    [TestCase("osv&subdir=linux-64", "subdir")]
    public async Task What_cannot_be_meant_is_said(string query, string field)
    {
        var (status, answer) = await TryAsync(query, "{}");
        Assert.That(status, Is.EqualTo(HttpStatusCode.BadRequest), answer);
        Assert.That(answer, Does.Contain($"\"{field}\""));
    }

    [Test]
    public async Task A_file_of_another_platform_or_that_shrinks_suddenly_changes_nothing()
    {
        const string channel = Ours + "/shrunk";
        var many = Enumerable.Range(0, 20).Select(i => Channels.Package("p", $"1.{i}", "0")).ToArray();
        await ImportAsync(Channels.Repodata("linux-64", many), $"repodata&channel={channel}");
        var before = await StoredAsync(channel);
        var (_, other) = await TryAsync(
            $"repodata&channel={channel}&subdir=osx-64", Encoding.UTF8.GetString(Channels.Repodata("linux-64", many[..19])));
        var (_, shrunk) = await TryAsync(
            $"repodata&channel={channel}", Encoding.UTF8.GetString(Channels.Repodata("linux-64", many[..17])));
        Assert.Multiple(async () =>
        {
            Assert.That(other, Does.Contain("says that it is of linux-64"));
            Assert.That(shrunk, Does.Contain("holds 17 packages").And.Contains("the last one held 20").And.Contains("--shrunk"));
            Assert.That(await StoredAsync(channel), Is.EqualTo(before));
        });
        await ImportAsync(Channels.Repodata("linux-64", many[..17]), $"repodata&channel={channel}&shrunk=true");
        await ImportAsync(Channels.Repodata("linux-64", many[..16]), $"repodata&channel={channel}");
        Assert.That(await ListedAsync(channel), Is.EqualTo($"{channel} linux-64 1 16"));
    }

    [Test]
    public async Task Nobody_but_an_operator_imports_repodata_or_lists_channels()
    {
        using var client = Scanner.As(Ada);
        using var content = new ByteArrayContent(Channels.Repodata("linux-64", Channels.Package("a", "1", "0")));
        using var import = await client.PostAsync(
            new Uri($"/api/v1/advisories/imports?format=repodata&channel={Ours}/forbidden", UriKind.Relative), content);
        using var list = await client.GetAsync(new Uri("/api/v1/advisories/channels", UriKind.Relative));
        Assert.That((import.StatusCode, list.StatusCode), Is.EqualTo((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden)));
    }

    private static string Outcome(JsonElement import) =>
        $"{import.GetProperty("advisories").GetInt32()}: {import.GetProperty("added").GetInt32()} "
        + $"{import.GetProperty("changed").GetInt32()} {import.GetProperty("withdrawn").GetInt32()} "
        + $"{import.GetProperty("rejected").GetInt32()}";

    private async Task<(HttpStatusCode Status, string Answer)> TryAsync(string format, string file)
    {
        using var client = Scanner.As(Operator);
        using var content = new StringContent(file, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri($"/api/v1/advisories/imports?format={format}", UriKind.Relative), content);
        var answer = await response.Content.ReadAsStringAsync();
        if (response.StatusCode != HttpStatusCode.Accepted)
        {
            return (response.StatusCode, answer);
        }

        var id = new ImportId(JsonDocument.Parse(answer).RootElement.GetProperty("id").GetGuid());
        var import = await EndedAsync(Scanner, Operator, id);
        Assert.That(import.GetProperty("status").GetString(), Is.EqualTo("failed"), import.ToString());
        return (response.StatusCode, import.GetProperty("error").GetString()!);
    }

    private Task<string> StoredAsync(string channel) => ScalarAsync<string>(
        Db,
        """
        select coalesce(string_agg(name || ' ' || replace(builds, e'\n', ''), e'\n' order by name), '')
        from channel_packages where channel = @channel and subdir = 'linux-64'
        """, new { channel });

    private async Task<string> ListedAsync(string channel)
    {
        using var client = Scanner.As(Operator);
        var list = JsonDocument.Parse(await client.GetStringAsync(new Uri("/api/v1/advisories/channels", UriKind.Relative))).RootElement;
        return string.Join(", ", list.GetProperty("items").EnumerateArray()
            .Where(item => item.GetProperty("channel").GetString() == channel)
            .Select(item => $"{item.GetProperty("channel").GetString()} {item.GetProperty("subdir").GetString()} "
                + $"{item.GetProperty("names").GetInt32()} {item.GetProperty("builds").GetInt32()}"));
    }
}
