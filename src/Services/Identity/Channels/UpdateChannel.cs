using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>
/// An administrator changes a channel; giving a discovered one a kind is how it is reviewed. Whoever has access to manage it by a group may
/// change its description: the rest decides which packages are the channel's and whether environments may hold them.
/// </summary>
internal static class UpdateChannel
{
    /// <summary>What is null stays as it is.</summary>
    /// <param name="Url">Empty for none.</param>
    /// <param name="Privacy">Where a discovered channel gets a kind, null is what is usual for the kind.</param>
    public sealed record Request(
        [ChannelName] string? Name = null,
        [ChannelUrl] string? Url = null,
        [ChannelAliases] IReadOnlyList<string>? Aliases = null,
        [AllowedValues(null, "public", "private", "local", "defaults", ErrorMessage = "Must be public, private, local or defaults.")]
        string? Kind = null,
        [AllowedValues(null, "private", "internal", "public", ErrorMessage = "Must be private, internal or public.")]
        string? Privacy = null,
        bool? Allowed = null,
        [MaxLength(1_000), MultiLine] string? Description = null);

    internal static void MapUpdateChannel(this IEndpointRouteBuilder channels) =>
        channels.MapPatch("/{id}", HandleAsync).RequireAuthorization(Permission.ChannelsRead).WithName(nameof(UpdateChannel))
            .WithSummary("Change a channel; whoever manages it by a group may change its description.")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<Ok<ChannelView>, ProblemHttpResult>> HandleAsync(
        ChannelId id, Request request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        if (await GetChannel.FindAsync(db, caller, id, ct) is not { } seen)
        {
            return Problems.NotFound();
        }

        if (!caller.Can(Permission.ChannelsWrite) && !(seen.Access == "manage" && request == new Request(Description: request.Description)))
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, "forbidden", "Not allowed.",
                "Only administrators change a channel; whoever manages it by a group changes its description.");
        }

        await using (var tx = await db.BeginAsync(ct))
        {
            await ChannelNames.LockAsync(tx, caller.OrgId);
            if (await ChannelFields.LockAsync(tx, caller.OrgId, id) is not { } row)
            {
                return Problems.NotFound();
            }

            if (ifMatch.Refuse(row.Version) is { } refusal)
            {
                return refusal;
            }

            if (await ChangeAsync(tx, caller, row, After(row.Fields, request), clock.GetUtcNow()) is { } problem)
            {
                return problem;
            }

            await tx.CommitAsync();
        }

        return await GetChannel.ShowAsync(db, caller, id, http, ct);
    }

    private static ChannelFields After(ChannelFields before, Request request) => new(
        request.Name is null ? before.Name : ResourceNameAttribute.Normalize(request.Name),
        request.Url is null ? before.Url : ChannelFields.Kept(request.Url),
        request.Aliases is null ? before.Aliases : ChannelFields.Kept(request.Aliases), request.Kind ?? before.Kind,
        request.Privacy ?? (IsReview(before, request) ? ChannelFields.UsualPrivacy(request.Kind!) : before.Privacy),
        request.Allowed ?? before.Allowed, request.Description ?? before.Description);

    private static bool IsReview(ChannelFields before, Request request) =>
        before.Kind == ChannelNames.Discovered && request.Kind is not null;

    private static async Task<ProblemHttpResult?> ChangeAsync(
        Tx tx, Caller caller, ChannelFields.Row row, ChannelFields after, DateTimeOffset now)
    {
        if (Changes.Between(row.Fields, after) is not { } changes)
        {
            return null;
        }

        IReadOnlyList<string> discovered = [];
        if (!row.Fields.AllNames().SequenceEqual(after.AllNames()))
        {
            if (await ChannelNames.TakeAsync(tx, caller.OrgId, row.Id, after.AllNames()) is not { } gone)
            {
                return CreateChannel.NameTaken();
            }

            discovered = gone;
        }

        await tx.ExecuteAsync(
            """
            update channels set
                name = @Name, url = @Url, aliases = @Aliases, kind = @Kind, privacy = @Privacy, allowed = @Allowed,
                description = @Description, version = version + 1, updated_at = @now
            where org_id = @OrgId and id = @Id
            """,
            new
            {
                caller.OrgId,
                row.Id,
                after.Name,
                after.Url,
                Aliases = after.Aliases.ToArray(),
                after.Kind,
                after.Privacy,
                after.Allowed,
                after.Description,
                now,
            });
        await ChannelNames.DiscoverAsync(tx, caller.Organization!, now);
        tx.Audit(
            caller, now, "channel_updated", new(row.Id.ToString(), null, "channel"),
            $"{caller.DisplayName} changed the channel {after.Name}.",
            new { channel = new { row.Id, name = after.Name }, changes.Before, changes.After, changes.Changed, discovered });
        return null;
    }
}
