using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Grpc.Core;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Policy.Directories;

/// <summary>
/// Keeps a copy of what Identity knows of people, groups, channels and machines. It reads what changed since it read last, page by page,
/// and all of it for an organization that is new here: on a new platform, after an upgrade, or when an event names it first. How far it is,
/// is in the database, in the transaction of each page: whoever dies, another goes on there; of two who read the same page one stores it.
/// Now and then it asks which directories there are, in case events were lost.
/// </summary>
internal sealed partial class CopyDirectories(
    NpgsqlDataSource db, Contracts.Identity.Directories.DirectoriesClient identity, IOptions<PolicyOptions> options, TimeProvider clock,
    ILogger<CopyDirectories> log) : IListeningWork
{
    public const string Channel = "directories";
    private static readonly TimeSpan WhileAway = TimeSpan.FromSeconds(2);
    private DateTimeOffset _listAt;

    static string IListeningWork.Channel => Channel;

    private DateTime Deadline => clock.GetUtcNow().UtcDateTime.AddSeconds(options.Value.IdentityTimeoutSeconds);

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        try
        {
            if (clock.GetUtcNow() >= _listAt)
            {
                await ListAsync(ct);
                _listAt = clock.GetUtcNow().AddSeconds(options.Value.DirectoriesSeconds);
            }

            // In any order, so that one that cannot be read does not keep the others from being read.
            var organizations = await db.QueryAsync<OrganizationId>(
                "select org_id from directories where read < wanted order by random()", null, ct);
            foreach (var organization in organizations)
            {
                await ReadAsync(organization, ct);
            }
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            // What is known stays; nothing is lost.
            LogAway(exception.StatusCode);
            return WhileAway;
        }

        return TimeSpan.FromSeconds(options.Value.DirectoriesSeconds);
    }

    /// <summary>Finds the organizations that changed, or came or went, without an event that arrived.</summary>
    private async Task ListAsync(CancellationToken ct)
    {
        var there = new List<DirectoryState>();
        for (var after = ""; ;)
        {
            var page = await identity.ListDirectoriesAsync(new() { After = after }, deadline: Deadline, cancellationToken: ct);
            if (page.Directories.Count == 0)
            {
                break;
            }

            there.AddRange(page.Directories);
            after = page.Directories[^1].OrganizationId;
        }

        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            with there as (select * from unnest(@Orgs, @Versions) as told (org_id, version)),
            gone as (
                update directories d set wanted = d.wanted + 1
                where d.read = d.wanted and not exists (select from there where there.org_id = d.org_id))
            insert into directories as d (org_id)
            select org_id from there
            where not exists (
                select from directories known
                where known.org_id = there.org_id and (known.since > there.version or known.read < known.wanted))
            order by org_id
            on conflict (org_id) do update set wanted = d.wanted + 1
            """,
            new
            {
                Orgs = there.Select(state => Guid.Parse(state.OrganizationId)).ToArray(),
                Versions = there.Select(state => state.Version).ToArray(),
            });
        await tx.CommitAsync();
    }

    private async Task ReadAsync(OrganizationId organization, CancellationToken ct)
    {
        while (await DirectoryCopy.FindAsync(db, organization, ct) is { IsCurrent: false } copy)
        {
            var page = await identity.ListDirectoryChangesAsync(
                new() { OrganizationId = organization.ToString(), Since = copy.Since, After = copy.ReadTo ?? "" },
                deadline: Deadline, cancellationToken: ct);
            await using var tx = await db.BeginAsync(ct);
            if (await copy.StoreAsync(tx, page, clock.GetUtcNow()))
            {
                await tx.CommitAsync();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Identity does not answer what changed in its directories: {Status}")]
    private partial void LogAway(StatusCode status);
}
