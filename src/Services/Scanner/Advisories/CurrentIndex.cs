using System.Data;

using Dapper;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>An index of the advisories, and their generation.</summary>
public sealed record IndexGeneration(long Generation, AdvisoryIndex Index, DateTimeOffset LoadedAt);

/// <summary>
/// The index that this process matches with. A caller that has read a generation from the database asks for an index of at least that one
/// and waits while it is loaded; a new index replaces the old one as a whole.
/// </summary>
public sealed class CurrentIndex(NpgsqlDataSource db, CondaChannels channels, TimeProvider clock) : IDisposable
{
    private readonly SemaphoreSlim _loading = new(1, 1);
    private IndexGeneration? _current;

    /// <summary>Null until the first one is loaded.</summary>
    public IndexGeneration? Current => Volatile.Read(ref _current);

    public async Task<IndexGeneration> AtLeastAsync(long generation, CancellationToken ct)
    {
        if (Current is { } fresh && fresh.Generation >= generation)
        {
            return fresh;
        }

        await _loading.WaitAsync(ct);
        try
        {
            if (Current is { } loaded && loaded.Generation >= generation)
            {
                return loaded;
            }

            var read = await LoadAsync(ct);
            Offer(read);
            return read;
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>Replaces the current index unless that is newer.</summary>
    public void Offer(IndexGeneration offered)
    {
        ArgumentNullException.ThrowIfNull(offered);
        IndexGeneration? seen;
        do
        {
            seen = Current;
            if (seen is not null && seen.Generation >= offered.Generation)
            {
                return;
            }
        }
        while (Interlocked.CompareExchange(ref _current, offered, seen) != seen);
    }

    public void Dispose() => _loading.Dispose();

    private async Task<IndexGeneration> LoadAsync(CancellationToken ct)
    {
        await using var connection = await db.OpenConnectionAsync(ct);
        // One snapshot: the advisories read are exactly those of the generation read.
        await using var snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        var generation = await connection.QuerySingleAsync<long>(
            new CommandDefinition("select generation from advisory_state", transaction: snapshot, cancellationToken: ct));
        var complete = await connection.QueryAsync<string>(
            new CommandDefinition("select ecosystem from complete_ecosystems", transaction: snapshot, cancellationToken: ct));
        var mapping = StoredMapping.With(channels, await StoredMapping.ReadAsync(connection, ct));
        var advisories = new List<Advisory>();
        await foreach (var advisory in StoredAdvisories.ReadAsync(connection, StoredAdvisories.InForce, null, ct))
        {
            advisories.Add(advisory);
        }

        var groups = VulnerabilityGroups.Of(advisories);
        return new(generation, AdvisoryIndex.Build(advisories, groups, mapping, complete), clock.GetUtcNow());
    }
}
