using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>
/// An administrator says what a channel is. One of its names that was discovered in the logs is this channel from now on.
/// </summary>
internal static class CreateChannel
{
    /// <param name="Name">As packages name it.</param>
    /// <param name="Url">Where it is; packages that name this address are its packages.</param>
    /// <param name="Aliases">Other names of it in logs.</param>
    /// <param name="Kind">public (the default), private, local or defaults.</param>
    /// <param name="Privacy">private, internal or public; null: as is usual for the kind.</param>
    /// <param name="Allowed">Whether environments may hold its packages.</param>
    public sealed record Request(
        [Required, ChannelName] string Name,
        [ChannelUrl] string? Url = null,
        [ChannelAliases] IReadOnlyList<string>? Aliases = null,
        [AllowedValues("public", "private", "local", "defaults", ErrorMessage = "Must be public, private, local or defaults.")]
        string Kind = "public",
        [AllowedValues(null, "private", "internal", "public", ErrorMessage = "Must be private, internal or public.")]
        string? Privacy = null,
        bool Allowed = true,
        [MaxLength(1_000), MultiLine] string? Description = null);

    internal static void MapCreateChannel(this IEndpointRouteBuilder channels) =>
        channels.MapPost("", HandleAsync).RequireAuthorization(Permission.ChannelsWrite).WithName(nameof(CreateChannel))
            .WithSummary("Say what a channel is.").ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>The answer to a name, an alias or an address that means another channel.</summary>
    internal static ProblemHttpResult NameTaken() => Problems.Conflict(
        "name_taken", "The name, an alias or the address means another channel already, or a discovered one that groups have access to.");

    private static async Task<Results<Created<ChannelView>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var id = ChannelId.New(now);
        var fields = new ChannelFields(
            ResourceNameAttribute.Normalize(request.Name), ChannelFields.Kept(request.Url), ChannelFields.Kept(request.Aliases ?? []),
            request.Kind, request.Privacy ?? ChannelFields.UsualPrivacy(request.Kind), request.Allowed, request.Description ?? "");
        await using (var tx = await db.BeginAsync(ct))
        {
            await ChannelNames.LockAsync(tx, caller.OrgId);
            await tx.ExecuteAsync(
                """
                insert into channels (
                    org_id, id, name, url, aliases, kind, privacy, allowed, description, version, created_at, updated_at)
                values (@OrgId, @id, @Name, @Url, @Aliases, @Kind, @Privacy, @Allowed, @Description, 1, @now, @now)
                """,
                new
                {
                    caller.OrgId,
                    id,
                    fields.Name,
                    fields.Url,
                    Aliases = fields.Aliases.ToArray(),
                    fields.Kind,
                    fields.Privacy,
                    fields.Allowed,
                    fields.Description,
                    now,
                });
            if (await ChannelNames.TakeAsync(tx, caller.OrgId, id, fields.AllNames()) is not { } discovered)
            {
                return NameTaken();
            }

            await ChannelNames.DiscoverAsync(tx, caller.Organization!, now);
            tx.Audit(
                caller, now, "channel_created", new(id.ToString(), null, "channel"),
                $"{caller.DisplayName} said what the channel {fields.Name} is.", new { after = fields, discovered });
            await tx.CommitAsync();
        }

        return await GetChannel.FindAsync(db, caller, id, ct) is { } view
            ? TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/channels/{id}", view)
            : Problems.NotFound();
    }
}
