using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Directories;

/// <summary>
/// Notes that there is something to read in an organization's directory, and wakes <see cref="CopyDirectories"/>. The event says only that:
/// late, twice or in another order it leads to the same. One that the copy is beyond is dropped.
/// </summary>
internal sealed class NoteDirectory(NpgsqlDataSource db) : IConsumer<Batch<DirectoryChanged>>
{
    public async Task Consume(ConsumeContext<Batch<DirectoryChanged>> context)
    {
        var newest = context.Message.Select(message => message.Message)
            .NewestBy(changed => changed.OrganizationId.Value, changed => changed.Version);
        await using var tx = await db.BeginAsync(context.CancellationToken);
        await tx.ExecuteAsync(
            $"""
            insert into directories as d (org_id)
            select org_id from unnest(@Orgs, @Versions) as heard (org_id, version)
            where not exists (
                select from directories beyond where beyond.org_id = heard.org_id and beyond.since > heard.version)
            order by org_id
            on conflict (org_id) do update set wanted = d.wanted + 1;
            notify {CopyDirectories.Channel}
            """,
            new
            {
                Orgs = newest.Select(changed => changed.OrganizationId.Value).ToArray(),
                Versions = newest.Select(changed => changed.Version).ToArray(),
            });
        await tx.CommitAsync();
    }

    internal sealed class Definition : BatchDefinition<NoteDirectory>;
}
