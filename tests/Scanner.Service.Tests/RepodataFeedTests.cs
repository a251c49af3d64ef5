using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Channels as feeds that are fetched on a schedule, one for each platform.</summary>
public sealed class RepodataFeedTests : FeedFixture
{
    [Test]
    public async Task A_channel_is_fetched_for_each_platform_and_again_only_when_it_has_changed()
    {
        using var compressor = new ZstdSharp.Compressor();
        byte[] Packed(string subdir, params ChannelPackage[] packages) =>
            compressor.Wrap(Channels.Repodata(subdir, packages)).ToArray();
        Publisher.Publish("/heron/linux-64/repodata.json.zst", Packed("linux-64", Channels.Package("heron", "1.0", "0")));
        Publisher.Publish("/heron/noarch/repodata.json.zst", Packed("noarch", Channels.Package("egret", "1.0", "0")));
        Publisher.Publish("/heron/win-64/repodata.json.zst", Packed("osx-64", Channels.Package("heron", "1.0", "0")));
        var settings = Settings(null, ["heron"]);
        settings["Feeds:Sources:heron:Url"] = $"{Publisher.Address}/heron/{{subdir}}/repodata.json.zst";
        settings["Feeds:Sources:heron:Format"] = "repodata";
        settings["Feeds:Sources:heron:Channel"] = "https://conda.example.org/heron";
        foreach (var (i, subdir) in new[] { "linux-64", "noarch", "win-64" }.Index())
        {
            settings[$"Feeds:Sources:heron:Subdirs:{i}"] = subdir;
        }

        await using var scanner = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, settings);
        var linux = await SucceededAsync(scanner, "heron_linux-64");
        await SucceededAsync(scanner, "heron_noarch");
        var wrong = await FeedAsync(scanner, "heron_win-64", feed => feed.GetProperty("failures").GetInt32() > 0);
        Assert.Multiple(async () =>
        {
            Assert.That((linux.GetProperty("format").GetString(), linux.GetProperty("channel").GetString(),
                linux.GetProperty("subdir").GetString()), Is.EqualTo(("repodata", "https://conda.example.org/heron", "linux-64")));
            Assert.That(wrong.GetProperty("error").GetString(), Does.Contain("of osx-64, and not of win-64"));
            Assert.That(await StoredAsync(), Is.EqualTo("linux-64 heron 1, noarch egret 1"));
        });

        var imports = await ScalarAsync<long>("select count(*) from imports");
        await DueAsync("heron_linux-64");
        await FeedAsync(
            scanner, "heron_linux-64",
            feed => feed.GetProperty("last_attempt_at").GetDateTimeOffset() > linux.GetProperty("last_attempt_at").GetDateTimeOffset());
        Assert.That(await ScalarAsync<long>("select count(*) from imports"), Is.EqualTo(imports), "an unchanged file is not sent again");

        Publisher.Publish(
            "/heron/linux-64/repodata.json.zst",
            Packed("linux-64", Channels.Package("heron", "1.0", "0"), Channels.Package("heron", "2.0", "0")));
        await DueAsync("heron_linux-64");
        await Eventually.BecomesTrueAsync(
            async () => await StoredAsync() == "linux-64 heron 2, noarch egret 1", "the newer file is imported", 30);
    }

    [TestCase("osv", "", "{subdir}", "")]
    [TestCase("repodata", "", "{subdir}", "")]
    [TestCase("repodata", "ours", "{year}", "")]
    [TestCase("repodata", "ours", "{subdir}", "Linux 64")]
    [TestCase("parselmouth", "ours", "file", "linux-64")]
    public void A_feed_of_platforms_that_are_none_stops_the_service_at_start(string format, string channel, string path, string subdir)
    {
        var settings = Settings(null, ["wrong"]);
        settings["Feeds:Sources:wrong:Url"] = $"{Publisher.Address}/{path}";
        settings["Feeds:Sources:wrong:Format"] = format;
        settings["Feeds:Sources:wrong:Channel"] = channel;
        if (subdir.Length > 0)
        {
            settings["Feeds:Sources:wrong:Subdirs:0"] = subdir;
        }

        Assert.That(async () => await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, settings),
            Throws.Exception.With.Message.Contains("Feeds:Sources"));
    }

    private Task DueAsync(string name) => ExecuteAsync("update feeds set due_at = now() where name = @name", new { name });

    private Task<string?> StoredAsync() => ScalarAsync<string>(
        "select string_agg(subdir || ' ' || name || ' ' || count, ', ' order by subdir, name) from channel_packages");
}
