using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Scanner.Advisories.Feeds;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A database, a publisher of feeds, and an operator who reads them. Each fixture starts scanners as needed.</summary>
public abstract class FeedFixture
{
    private NpgsqlDataSource _db = null!;

    internal FeedServer Publisher { get; private set; } = null!;

    protected TestDatabase Database { get; private set; } = null!;

    /// <summary>Runs the platform.</summary>
    protected TestCaller Operator { get; } = TestCaller.Of(TestCaller.NewOrganization(), "operator@example.org") with { IsOperator = true };

    [OneTimeSetUp]
    public async Task PrepareAsync()
    {
        Database = await TestDatabase.CreateAsync();
        _db = NpgsqlDataSource.Create(Database.ConnectionString);
        Publisher = await FeedServer.StartAsync();
    }

    [OneTimeTearDown]
    public Task CleanUpAsync() => Disposal.OfAsync(Publisher, _db, Database);

    /// <summary>Settings of a scanner that fetches these feeds, each in the format of OSV under its name, and no others.</summary>
    /// <param name="feeds">Null for a scanner that fetches nothing.</param>
    protected Dictionary<string, string?> Settings(string? messagingPrefix, IEnumerable<string>? feeds)
    {
        var settings = AwayServices.Settings("ingest");
        settings["Scanner:PollSeconds"] = "1";
        if (messagingPrefix is not null)
        {
            settings["Messaging:Prefix"] = messagingPrefix;
        }

        if (feeds is null)
        {
            return settings;
        }

        settings["Feeds:Enabled"] = "true";
        settings["Feeds:MaxResumes"] = "2";
        settings["Feeds:RetryMinutes"] = "1";
        foreach (var official in new FeedOptions().Sources.Keys)
        {
            settings[$"Feeds:Sources:{official}:Url"] = "";
        }

        foreach (var name in feeds)
        {
            settings[$"Feeds:Sources:{name}:Url"] = $"{Publisher.Address}/{name}";
            settings[$"Feeds:Sources:{name}:Format"] = "osv";
        }

        return settings;
    }

    protected Task<JsonElement> SucceededAsync(ServiceFixture<ScannerOptions> scanner, string name) =>
        FeedAsync(scanner, name, feed => feed.GetProperty("last_success_at").ValueKind != JsonValueKind.Null);

    /// <summary>Waits until a feed is as expected.</summary>
    protected async Task<JsonElement> FeedAsync(ServiceFixture<ScannerOptions> scanner, string name, Func<JsonElement, bool> until)
    {
        ArgumentNullException.ThrowIfNull(scanner);
        using var client = scanner.As(Operator);
        return (JsonElement)await Eventually.GetAsync(
            async () =>
            {
                var feeds = await client.GetFromJsonAsync<JsonElement>(new Uri("/api/v1/advisories/feeds", UriKind.Relative));
                var feed = feeds.GetProperty("items").EnumerateArray().Single(one => one.GetProperty("name").GetString() == name);
                return until(feed) ? feed : (object?)null;
            }, $"feed {name}", 60);
    }

    protected Task ExecuteAsync(string sql, object? parameters = null) => _db.ExecuteAsync(sql, parameters);

    protected async Task<T?> ScalarAsync<T>(string sql, object? parameters = null) => await _db.ScalarAsync<T>(sql, parameters);

    protected static byte[] Osv(string id, string details, int padding = 0) =>
        JsonSerializer.SerializeToUtf8Bytes(new JsonArray(new JsonObject
        {
            ["id"] = id,
            ["modified"] = "2026-01-02T03:04:05Z",
            ["details"] = details + new string('x', padding),
            ["affected"] = new JsonArray(new JsonObject
            {
                ["package"] = new JsonObject { ["ecosystem"] = "PyPI", ["name"] = "feedlib" },
                ["versions"] = new JsonArray("1.0")
            }),
        }));
}
