using System.Text;
using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Published mappings as feeds that are fetched on a schedule.</summary>
public sealed class MappingFeedTests : FeedFixture
{
    [Test]
    public async Task A_mapping_is_fetched_for_its_channel_and_what_is_published_later_takes_its_place()
    {
        Publisher.Publish("/mapping", """{"owl-core": ["owl"], "gone": ["gone"]}"""u8.ToArray());
        Publisher.Publish("/byhand", "owl:\n  conda_forge: python-owl\n"u8.ToArray());
        var settings = Settings(null, ["mapping", "byhand"]);
        settings["Feeds:Sources:mapping:Format"] = "parselmouth";
        settings["Feeds:Sources:mapping:Channel"] = "bioconda";
        settings["Feeds:Sources:byhand:Format"] = "grayskull";
        await using var scanner = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, settings);
        var feed = await SucceededAsync(scanner, "mapping");
        await SucceededAsync(scanner, "byhand");
        Assert.Multiple(async () =>
        {
            Assert.That(
                (feed.GetProperty("format").GetString(), feed.GetProperty("channel").GetString()), Is.EqualTo(("parselmouth", "bioconda")));
            Assert.That(await StoredAsync(), Is.EqualTo("bioconda gone: gone, bioconda owl-core: owl, conda-forge python-owl: owl"));
        });

        Publisher.Publish(
            "/mapping", Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new Dictionary<string, string[]?> { ["owl-core"] = null })));
        await DueAsync("mapping");
        await Eventually.BecomesTrueAsync(
            async () => await StoredAsync() == "bioconda owl-core: , conda-forge python-owl: owl", "the newer mapping is imported", 30);

        Publisher.Publish("/mapping", "<html>Not found</html>"u8.ToArray());
        await DueAsync("mapping");
        var failed = await FeedAsync(scanner, "mapping", one => one.GetProperty("failures").GetInt32() > 0);
        Assert.Multiple(async () =>
        {
            Assert.That(failed.GetProperty("error").GetString(), Does.Contain("parselmouth's JSON"));
            Assert.That(await StoredAsync(), Is.EqualTo("bioconda owl-core: , conda-forge python-owl: owl"), "what was known stays");
        });
    }

    [TestCase("parselmouth", null)]
    [TestCase("osv", "conda-forge")]
    public void A_feed_that_names_no_channel_or_one_too_many_stops_the_service_at_start(string format, string? channel)
    {
        var settings = Settings(null, ["mapping"]);
        settings["Feeds:Sources:mapping:Format"] = format;
        settings["Feeds:Sources:mapping:Channel"] = channel;
        Assert.That(async () => await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, settings),
            Throws.Exception.With.Message.Contains("names no channel"));
    }

    [TestCase("", "conda-forge")]
    [TestCase("https://conda.example.org/cf", "somebody-else")]
    public void A_mirror_of_nothing_that_is_known_stops_the_service_at_start(string channel, string of)
    {
        var settings = Settings(null, null);
        settings["Scanner:ChannelAliases:0:Channel"] = channel;
        settings["Scanner:ChannelAliases:0:MirrorOf"] = of;
        Assert.That(async () => await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, settings),
            Throws.Exception.With.Message.Contains("ChannelAliases"));
    }

    private Task DueAsync(string name) => ExecuteAsync("update feeds set due_at = now() where name = @name", new { name });

    private Task<string?> StoredAsync() => ScalarAsync<string>(
        """
        select string_agg(channel || ' ' || conda_name || ': ' || array_to_string(pypi_names, ' '), ', ' order by channel, conda_name)
        from published_mappings
        """);
}
