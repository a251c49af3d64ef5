using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>One channel; a private one is not there for whom no group lets see it.</summary>
internal static class GetChannel
{
    internal static void MapGetChannel(this IEndpointRouteBuilder channels) =>
        channels.MapGet("/{id}", HandleAsync).RequireAuthorization(Permission.ChannelsRead).WithName(nameof(GetChannel))
            .WithSummary("One channel.").ProducesProblem(StatusCodes.Status404NotFound);

    /// <summary>Null when the caller may not know of it, or it is not there.</summary>
    internal static async Task<ChannelView?> FindAsync(NpgsqlDataSource db, Caller caller, ChannelId id, CancellationToken ct) =>
        (await db.QuerySingleOrDefaultAsync<ChannelView.Row>(
            $"select {ChannelView.Columns}, null as sort_key {ChannelView.Visible} and c.id = @id",
            new
            {
                caller.OrgId,
                Self = caller.SubjectId,
                SeesAll = ChannelView.SeesAll(caller),
                SeesCounts = ChannelView.SeesCounts(caller),
                id,
            }, ct))?.ToView();

    internal static async Task<Results<Ok<ChannelView>, ProblemHttpResult>> ShowAsync(
        NpgsqlDataSource db, Caller caller, ChannelId id, HttpResponse http, CancellationToken ct)
    {
        if (await FindAsync(db, caller, id, ct) is not { } channel)
        {
            return Problems.NotFound();
        }

        IfMatch.Tell(http, channel.Version);
        return TypedResults.Ok(channel);
    }

    private static async Task<Results<Ok<ChannelView>, ProblemHttpResult>> HandleAsync(
        ChannelId id, Caller caller, HttpResponse http, NpgsqlDataSource db, CancellationToken ct) =>
        await ShowAsync(db, caller, id, http, ct);
}
