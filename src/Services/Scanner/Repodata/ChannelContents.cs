using EnvPlatform.Conda;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>What is known of a channel for a platform.</summary>
/// <param name="IsWhole">Both of the platform and of noarch.</param>
/// <param name="ImportedAt">The older of the two.</param>
internal sealed record HeldChannel(string Channel, bool IsWhole, DateTimeOffset ImportedAt);

/// <summary>
/// What channels hold for one platform, read from the database name by name as it is needed, and at most so much that an answer stays
/// affordable.
/// </summary>
internal sealed class ChannelContents
{
    // Of the text of builds; what a search looks at is a small part of an environment.
    private const long MaxCharacters = 48L << 20;
    private const int NamesAtOnce = 16;
    private readonly NpgsqlDataSource _db;
    private readonly string[] _subdirs;
    private readonly Dictionary<string, HeldChannel> _known;
    private readonly Dictionary<(string Channel, string Name), ChannelBuild[]> _builds = [];
    private readonly Dictionary<string, MatchSpec?> _specs = new(StringComparer.Ordinal);

    // The same specifications are in build after build.
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private long _characters;

    private ChannelContents(NpgsqlDataSource db, string platform, IEnumerable<HeldChannel> known)
    {
        _db = db;
        _subdirs = [platform, RepodataChannels.NoArch];
        _known = known.ToDictionary(channel => channel.Channel, StringComparer.Ordinal);
        Platform = platform;
    }

    public string Platform { get; }

    /// <summary>In the order in which conda is asked to take them: conda-forge, then by name.</summary>
    public IEnumerable<HeldChannel> Known => _known.Values.OrderBy(channel => channel.Channel != Mapping.CondaChannels.CondaForge)
        .ThenBy(channel => channel.Channel, StringComparer.Ordinal);

    /// <summary>More was asked for than an answer may read; what was not read looks as if it were not there.</summary>
    public bool IsTooMuch => _characters > MaxCharacters;

    public static async Task<ChannelContents> OpenAsync(
        NpgsqlDataSource db, IEnumerable<string> channels, string platform, CancellationToken ct)
    {
        var known = await db.QueryAsync<HeldChannel>(
            """
            select channel, count(*) = 2 as is_whole, min(imported_at) as imported_at from channel_subdirs
            where channel = any(@Channels) and subdir in (@platform, @NoArch)
            group by channel
            """, new { Channels = channels.Distinct(StringComparer.Ordinal).ToArray(), platform, RepodataChannels.NoArch }, ct);
        return new(db, platform, known);
    }

    public HeldChannel? Of(string? channel) => channel is null ? null : _known.GetValueOrDefault(channel);

    /// <summary>All builds of a name; null where they are not loaded.</summary>
    public ChannelBuild[]? BuildsOf(string channel, string name) => _builds.GetValueOrDefault((channel, name));

    /// <summary>Loads the builds of names from all known channels.</summary>
    public async Task LoadAsync(IReadOnlyCollection<string> names, CancellationToken ct)
    {
        foreach (var missing in names.Where(name => _known.Keys.Any(channel => !_builds.ContainsKey((channel, name))))
            .Distinct(StringComparer.Ordinal).Chunk(NamesAtOnce))
        {
            await LoadSomeAsync(missing, ct);
        }
    }

    private async Task LoadSomeAsync(string[] missing, CancellationToken ct)
    {
        var rows = IsTooMuch ? [] : await _db.QueryAsync<Row>(
            """
            select channel, name, builds from channel_packages
            where channel = any(@Channels) and subdir = any(@Subdirs) and name = any(@Names)
            """, new { Channels = _known.Keys.ToArray(), Subdirs = _subdirs, Names = missing }, ct);
        _characters += rows.Sum(row => (long)row.Builds.Length);
        var read = rows.ToLookup(row => (row.Channel, row.Name));
        foreach (var key in _known.Keys.SelectMany(channel => missing.Select(name => (channel, name))))
        {
            _builds[key] =
                [.. read[key].SelectMany(row => row.Builds.Split('\n').Select(line => ChannelBuild.Read(row.Name, line, _texts)))];
        }
    }

    /// <summary>The installed builds that a channel holds, without loading the others.</summary>
    /// <returns>By name.</returns>
    public async Task<Dictionary<string, ChannelBuild>> FindAsync(IReadOnlyList<Sought> sought, CancellationToken ct)
    {
        var rows = await _db.QueryAsync<Row>(
            """
            select p.channel, p.name, l.line as builds
            from unnest(@Channels, @Names, @Prefixes) as s(channel, name, prefix)
            join channel_packages p on p.channel = s.channel and p.name = s.name and p.subdir = any(@Subdirs)
            cross join lateral string_to_table(p.builds, e'\n') as l(line)
            where starts_with(l.line, s.prefix)
            """,
            new
            {
                Channels = sought.Select(one => one.Channel).ToArray(),
                Names = sought.Select(one => one.Name).ToArray(),
                Prefixes = sought.Select(one => ChannelBuild.PrefixOf(one.Version, one.Build)).ToArray(),
                Subdirs = _subdirs,
            }, ct);
        return rows.DistinctBy(row => row.Name).ToDictionary(row => row.Name, row => ChannelBuild.Read(row.Name, row.Builds, _texts));
    }

    /// <summary>A match specification, read once; null where it is not understood.</summary>
    public MatchSpec? SpecOf(string text)
    {
        if (!_specs.TryGetValue(text, out var spec))
        {
            _specs[text] = spec = MatchSpec.Parse(text);
        }

        return spec;
    }

    /// <param name="Channel">A known one.</param>
    internal readonly record struct Sought(string Channel, string Name, string Version, string Build);

    private sealed record Row(string Channel, string Name, string Builds);
}
