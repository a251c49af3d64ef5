using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>An administrator gives a group access to a private channel, or another access.</summary>
internal static class GrantChannel
{
    /// <param name="Access">
    /// read: environments of the group may hold its packages; write and manage: more, each with what is before it.
    /// </param>
    public sealed record Request(
        [Required, AllowedValues("read", "write", "manage", ErrorMessage = "Must be read, write or manage.")]
        string Access);

    public sealed record Response(GroupId GroupId, string GroupName, string Access);

    internal static void MapGrantChannel(this IEndpointRouteBuilder channels) =>
        channels.MapPut("/{id}/groups/{group_id}", HandleAsync).RequireAuthorization(Permission.ChannelsWrite)
            .WithName(nameof(GrantChannel)).WithSummary("Give a group access to a private channel, or another access.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        ChannelId id, [FromRoute(Name = "group_id")] GroupId groupId, Request request, Caller caller, NpgsqlDataSource db,
        TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await ChannelNames.LockAsync(tx, caller.OrgId);
        if (await ChannelFields.LockAsync(tx, caller.OrgId, id) is not { } channel
            || await GroupRow.LockAsync(tx, caller.OrgId, groupId) is not { } group)
        {
            return Problems.NotFound();
        }

        var answer = TypedResults.Ok(new Response(groupId, group.Name, request.Access));
        if (channel.Privacy != "private")
        {
            return Problems.Conflict(
                "channel_not_private",
                $"The channel is {channel.Privacy}: everybody in the organization may use it, whatever the groups. Make it private first.",
                ("privacy", channel.Privacy));
        }

        var before = await tx.QuerySingleOrDefaultAsync<string>(
            "select access from channel_groups where org_id = @OrgId and channel_id = @id and group_id = @groupId",
            new { caller.OrgId, id, groupId });
        if (before == request.Access)
        {
            return answer;
        }

        var now = clock.GetUtcNow();
        await tx.ExecuteAsync(
            """
            insert into channel_groups (org_id, channel_id, group_id, access, granted_at) values (@OrgId, @id, @groupId, @Access, @now)
            on conflict (channel_id, group_id) do update set access = excluded.access
            """, new { caller.OrgId, id, groupId, request.Access, now });
        var meta = new
        {
            channel = new { channel.Id, channel.Name },
            group = new { group.Id, group.Name },
            before = before is null ? null : new { access = before },
            after = new { request.Access },
            changed = new[] { "access" },
        };
        if (before is null)
        {
            tx.Audit(
                caller, now, "group_assigned_to_channel", new(id.ToString(), null, "channel"),
                $"The group {group.Name} may {request.Access} the channel {channel.Name}.", meta);
        }
        else
        {
            tx.Audit(
                caller, now, "channel_access_updated", new(id.ToString(), null, "channel"),
                $"The group {group.Name} may {request.Access} the channel {channel.Name}; before it might {before}.", meta);
        }

        await tx.CommitAsync();
        return answer;
    }
}
