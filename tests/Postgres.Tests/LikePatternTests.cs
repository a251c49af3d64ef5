using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>How PostgreSQL evaluates the patterns.</summary>
public sealed class LikePatternTests
{
    private static readonly string[] Special = ["%", "_", "\\", "a%b", "a_b", "a\\b", "\\%", "%%__\\\\", "plain", "ä"];

    private NpgsqlDataSource _db = null!;

    [OneTimeSetUp]
    public void Connect() => _db = NpgsqlDataSource.Create(TestServers.Postgres);

    [OneTimeTearDown]
    public async Task DisconnectAsync() => await _db.DisposeAsync();

    [TestCaseSource(nameof(Special))]
    public async Task Text_stands_for_itself(string text)
    {
        Assert.That(await MatchesAsync($"before {text} after", LikePattern.Containing(text)), Is.True);
        Assert.That(await MatchesAsync($"{text} after", LikePattern.BeginningWith(text)), Is.True);
        Assert.That(await MatchesAsync($"before {text}", LikePattern.BeginningWith(text)), Is.False);
        Assert.That(await MatchesAsync(text, LikePattern.WithWildcards(text)), Is.True);
    }

    [TestCase("a%b", "axxb")]
    [TestCase("a_b", "axb")]
    [TestCase("a\\b", "ab")]
    public async Task And_for_nothing_else(string text, string other)
    {
        Assert.That(await MatchesAsync(other, LikePattern.Containing(text)), Is.False);
        Assert.That(await MatchesAsync(other, LikePattern.BeginningWith(text)), Is.False);
        Assert.That(await MatchesAsync(other, LikePattern.WithWildcards(text)), Is.False);
    }

    [TestCase("a*c", "abc", true)]
    [TestCase("a*c", "ac", true)]
    [TestCase("a*c", "abcd", false)]
    [TestCase("*_c", "ab_c", true)]
    [TestCase("*_c", "abxc", false)]
    public async Task An_asterisk_is_any_text_where_asked_for(string text, string value, bool matches) =>
        Assert.That(await MatchesAsync(value, LikePattern.WithWildcards(text)), Is.EqualTo(matches));

    private Task<bool> MatchesAsync(string value, string pattern) =>
        _db.QuerySingleAsync<bool>("select @value like @pattern", new { value, pattern }, CancellationToken.None);
}
