using EnvPlatform.Contracts;
using EnvPlatform.Policy.Decisions;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// The answer for a place: from memory, then Redis, then PostgreSQL. An answer is stale only while an invalidation is on its way, or at
/// most for <see cref="PolicyOptions.AnswerSeconds"/> if one is lost.
/// </summary>
internal sealed class ActivationAnswers(
    AnswerMemory memory, SharedAnswers shared, InvalidationChannel channel, NpgsqlDataSource db,
    IOptions<PolicyOptions> options, TimeProvider clock)
{
    public ValueTask<ActivationAnswer> FindAsync(Location location, CancellationToken ct)
    {
        if (!channel.IsLive)
        {
            return new(DecideAsync(location, ct));
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
        var answer = await DecideAsync(location, ct);
        var time = Time(answer) - clock.GetElapsedTime(asOf);
        if (lease is not null)
        {
            await shared.FillAsync(location, lease, answer, time);
        }

        memory.Keep(location, stamp, answer, time);
        return answer;
    }

    private TimeSpan Time(ActivationAnswer answer)
    {
        var time = TimeSpan.FromSeconds(
            answer.Status == ActivationStatus.Unknown ? options.Value.UnknownSeconds : options.Value.AnswerSeconds);
        return answer.NextAt - clock.GetUtcNow() is { } rest && rest < time ? rest : time;
    }

    // What policies decide is explained at this moment, so that the answer never contradicts its reasons.
    private async Task<ActivationAnswer> DecideAsync(Location location, CancellationToken ct)
    {
        var facts = await ActivationFacts.ReadAsync(db, location, ct);
        return facts is { Manual: null, ByPolicies: not EnvironmentStatus.Ok }
            && await Explanation.OfAsync(db, location.OrganizationId, facts.EnvironmentId, clock.GetUtcNow(), ct) is { } explanation
            ? ActivationDecision.Decide(facts, explanation.Decision)
            : ActivationDecision.Decide(facts);
    }
}
