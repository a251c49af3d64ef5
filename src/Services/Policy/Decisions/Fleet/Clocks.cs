using System.Text.Json;

using EnvPlatform.Policy.Documents;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Policy.Decisions.Fleet;

/// <summary>
/// Since when packages and findings are in an environment, where that is longer than it has its package set: a grace goes on when the
/// environment gets another set with the same finding, or gets it back within a day.
/// </summary>
internal sealed class Clocks
{
    private static readonly TimeSpan Gap = TimeSpan.FromHours(24);

    private readonly Dictionary<string, Clock> _clocks;

    private Clocks(Dictionary<string, Clock> clocks) => _clocks = clocks;

    /// <param name="stored">As <see cref="ToString"/> wrote it; null for none.</param>
    public static Clocks? Of(string? stored) =>
        stored is null ? null : new(JsonSerializer.Deserialize<Dictionary<string, Clock>>(stored, Json.Options)!);

    /// <summary>What of a set is remembered once the environment has another one.</summary>
    /// <param name="before">What was remembered beside <paramref name="from"/>.</param>
    /// <param name="subjects">What a grace may be counted for: findings, packages.</param>
    /// <param name="now">What has been gone for a day by then is forgotten.</param>
    /// <returns>Null where there is nothing to remember.</returns>
    public static Clocks? Carry(
        Clocks? before, FleetSet from, DateTimeOffset? fromSince, FleetSet to, DateTimeOffset? toSince,
        IReadOnlySet<Subject> subjects, DateTimeOffset now)
    {
        var had = Seen(from, fromSince, before, subjects);
        var has = Seen(to, toSince, null, subjects);
        var carried = new Dictionary<string, Clock>(StringComparer.Ordinal);
        foreach (var (key, since) in had)
        {
            if (since is not { } start)
            {
                continue;
            }

            if (!has.TryGetValue(key, out var again))
            {
                if (toSince + Gap > now)
                {
                    carried[key] = new(start, toSince);
                }
            }
            else if (!(again <= start))
            {
                carried[key] = new(start, null);
            }
        }

        foreach (var (key, clock) in before?._clocks ?? [])
        {
            if (clock.Gone is not { } gone || had.ContainsKey(key))
            {
                continue;
            }

            if (has.TryGetValue(key, out var again))
            {
                if (toSince < gone + Gap && !(again <= clock.Since))
                {
                    carried[key] = clock with { Gone = null };
                }
            }
            else if (gone + Gap > now)
            {
                carried[key] = clock;
            }
        }

        return carried.Count == 0 ? null : new(carried);
    }

    public DateTimeOffset? Find(PackageFacts package, FindingFacts? finding) =>
        _clocks.TryGetValue(KeyOf(package, finding), out var clock) && clock.Gone is null ? clock.Since : null;

    public override string ToString() => JsonSerializer.Serialize(
        _clocks.OrderBy(one => one.Key, StringComparer.Ordinal).ToDictionary(one => one.Key, one => one.Value, StringComparer.Ordinal),
        Json.Options);

    private static Dictionary<string, DateTimeOffset?> Seen(
        FleetSet set, DateTimeOffset? since, Clocks? clocks, IReadOnlySet<Subject> subjects)
    {
        var holder = new FleetEnvironment { Id = default, Owner = new(null, null, null, null), SetSince = since, Clocks = clocks };
        var seen = new Dictionary<string, DateTimeOffset?>(StringComparer.Ordinal);
        foreach (var package in set.Packages)
        {
            if (subjects.Contains(Subject.Package))
            {
                Add(package.Facts, null);
            }

            if (subjects.Contains(Subject.Finding))
            {
                foreach (var finding in package.Facts.Findings)
                {
                    Add(package.Facts, finding);
                }
            }
        }

        return seen;

        void Add(PackageFacts package, FindingFacts? finding)
        {
            var key = KeyOf(package, finding);
            var at = holder.SeenAt(package, finding);
            seen[key] = seen.TryGetValue(key, out var other) ? Moments.Earlier(other, at) : at;
        }
    }

    private static string KeyOf(PackageFacts package, FindingFacts? finding) => $"{finding?.Id}|{package.Manager}|{package.Name}";

    /// <param name="Gone">Since when it is not in the environment; null while it is.</param>
    private sealed record Clock(DateTimeOffset Since, DateTimeOffset? Gone);
}
