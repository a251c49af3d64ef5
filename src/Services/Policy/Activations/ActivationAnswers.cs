using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// The answer for a place: from memory, then Redis, then PostgreSQL. An answer is out of date for as long as an invalidation travels, and at
/// most for <see cref="PolicyOptions.AnswerSeconds"/> should one be lost.
/// </summary>
internal sealed class ActivationAnswers(
    AnswerMemory memory, SharedAnswers shared, InvalidationChannel channel, NpgsqlDataSource db, IOptions<PolicyOptions> options, TimeProvider clock)
{
    public ValueTask<ActivationAnswer> FindAsync(Location location, CancellationToken ct)
    {
        if (!channel.IsLive)
        {
            return new(ReadAsync(db, location, ct));
        }

        var hash = location.StableHash();
        var stamp = memory.Stamp(hash);
        return memory.Find(location, hash) is { } answer ? new(answer) : new(FindElsewhereAsync(location, stamp, ct));
    }

    private async Task<ActivationAnswer> FindElsewhereAsync(Location location, long stamp, CancellationToken ct)
    {
        var (found, goodFor, lease) = await shared.FindAsync(location);
        if (found is not null)
        {
            memory.Keep(location, stamp, found, goodFor < Time(found) ? goodFor : Time(found));
            return found;
        }

        var asOf = clock.GetTimestamp();
        var answer = await ReadAsync(db, location, ct);
        var time = Time(answer) - clock.GetElapsedTime(asOf);
        if (lease is not null)
        {
            await shared.FillAsync(location, lease, answer, time);
        }

        memory.Keep(location, stamp, answer, time);
        return answer;
    }

    private TimeSpan Time(ActivationAnswer answer) =>
        TimeSpan.FromSeconds(answer.Status == ActivationStatus.Unknown ? options.Value.UnknownSeconds : options.Value.AnswerSeconds);

    /// <summary>Two environments are at one place only while the event that moves one of them away is late: the newer one is meant.</summary>
    private static async Task<ActivationAnswer> ReadAsync(NpgsqlDataSource db, Location location, CancellationToken ct)
    {
        var row = await db.QuerySingleOrDefaultAsync<Row>(
            """
            select environment_id, status, message, set_at
            from environment_status
            where org_id = @OrganizationId and machine_id = @MachineId and md5(prefix)::uuid = md5(@Prefix)::uuid and prefix = @Prefix and not removed
            order by placed_at desc nulls last, environment_id desc limit 1
            """, new { location.OrganizationId, location.MachineId, location.Prefix }, ct);
        return row switch
        {
            null => ActivationAnswer.Unknown,
            { Status: EnvironmentStatus.Ok } => new(ActivationStatus.Ok, null, row.EnvironmentId, []),
            _ => new(
                row.Status == EnvironmentStatus.Block ? ActivationStatus.Block : ActivationStatus.Warn, row.Message, row.EnvironmentId,
                [new("manual", row.Message ?? "", row.SetAt)]),
        };
    }

    private sealed record Row(EnvironmentId EnvironmentId, EnvironmentStatus Status, string? Message, DateTimeOffset? SetAt);
}
