using EnvPlatform.Scanner.Advisories.Feeds;

namespace EnvPlatform.Scanner.Tests.Advisories.Feeds;

public sealed class FeedOptionsTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void What_is_fetched_by_default_is_complete_and_valid()
    {
        var options = new FeedOptions();
        var feeds = options.At(Now);
        Assert.Multiple(() =>
        {
            Assert.That(options.AreSourcesValid(), Is.True);
            Assert.That(options.Enabled, Is.False);
            Assert.That(feeds.Select(feed => feed.Name), Is.SupersetOf(
                new[] { "pypi", "cran", "bioconductor", "kev", "epss", "psf", "curl", "nvd_modified", "nvd_2002", "nvd_2026" }));
            Assert.That(feeds.Select(feed => feed.Name), Is.Unique.And.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
            Assert.That(feeds.Where(feed => feed.Url.Scheme != "https" || feed.ChecksumUrl is { Scheme: not "https" }), Is.Empty);
            Assert.That(feeds.Where(feed => feed.Interval > TimeSpan.FromHours(options.StaleHours) / 2), Is.Empty,
                "one failed check makes no feed stale");
        });
    }

    [Test]
    public void A_source_by_years_is_a_feed_for_each_year_so_far()
    {
        var options = new FeedOptions();
        options.Sources.Clear();
        options.Sources["n"] = new()
        {
            Url = "https://example.org/{year}.json",
            ChecksumUrl = "https://example.org/{year}.meta",
            Format = "nvd",
            FirstYear = 2_024
        };
        var feeds = options.At(Now);
        Assert.Multiple(() =>
        {
            Assert.That(feeds.Select(feed => (feed.Name, feed.Url.AbsoluteUri, feed.ChecksumUrl!.AbsoluteUri)), Is.EqualTo(new[]
            {
                ("n_2024", "https://example.org/2024.json", "https://example.org/2024.meta"),
                ("n_2025", "https://example.org/2025.json", "https://example.org/2025.meta"),
                ("n_2026", "https://example.org/2026.json", "https://example.org/2026.meta"),
            }));
            Assert.That(options.At(Now.AddYears(1)).Select(feed => feed.Name), Does.Contain("n_2027"), "a new year needs no new setting");
        });

        options.Sources["n_2025"] = new() { Url = "http://mirror.example.org/x", Format = "nvd" };
        Assert.That(options.At(Now).Single(feed => feed.Name == "n_2025").Url.Host, Is.EqualTo("mirror.example.org"));
        options.Sources["n_2025"].Url = "";
        Assert.That(options.At(Now).Select(feed => feed.Name), Is.EqualTo(new[] { "n_2024", "n_2026" }), "one year is switched off");
        options.Sources["n"].FirstYear = 2_030;
        Assert.That(options.At(Now), Is.Empty);
    }

    [TestCase("ftp://example.org/x", "osv", 60, "")]
    [TestCase("example.org/x", "osv", 60, "")]
    [TestCase("https://example.org/x", "csv", 60, "")]
    [TestCase("https://example.org/x", "osv", 0, "")]
    [TestCase("https://example.org/x", "osv", 60, "x.meta")]
    public void What_cannot_be_fetched_is_refused(string url, string format, int interval, string checksum)
    {
        var options = new FeedOptions();
        options.Sources["x"] = new() { Url = url, Format = format, IntervalMinutes = interval, ChecksumUrl = checksum };
        Assert.That(options.AreSourcesValid(), Is.False);
        options.Sources["x"].Url = "";
        Assert.That(options.AreSourcesValid(), Is.True, "what is switched off may be anything");
    }
}
