using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// What an organization may add in a day (UTC) that nobody has logged before: it is kept for good, matched and counted. Taken before the
/// work and in a statement of its own, so that no transaction holds the organization's row.
/// </summary>
internal sealed class Quota(NpgsqlDataSource db, IOptions<IngestOptions> options, TimeProvider clock)
{
    /// <summary>Null when so much may be added; the answer when it may not.</summary>
    /// <param name="packages">New packages.</param>
    /// <param name="entries">Packages of new sets, whether they are new themselves or not.</param>
    public async Task<ProblemHttpResult?> TakeAsync(
        OrganizationId organization, int packages, int entries, HttpResponse http, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var (mostPackages, mostEntries) = (options.Value.NewPackagesPerDay, options.Value.NewSetEntriesPerDay);
        await using var tx = await db.BeginAsync(ct);
        var taken = packages > mostPackages || entries > mostEntries ? null : await tx.QuerySingleOrDefaultAsync<int?>(
            """
            insert into organization_additions as a (org_id, day, packages, entries)
            values (@organization, (@now at time zone 'UTC')::date, @packages, @entries)
            on conflict (org_id) do update set
                day = excluded.day,
                packages = case when a.day = excluded.day then a.packages else 0 end + excluded.packages,
                entries = case when a.day = excluded.day then a.entries else 0 end + excluded.entries
            where a.day <> excluded.day
                or (a.packages + excluded.packages <= @mostPackages and a.entries + excluded.entries <= @mostEntries)
            returning 1
            """, new { organization, now, packages, entries, mostPackages, mostEntries });
        if (taken is not null)
        {
            await tx.CommitAsync();
            return null;
        }

        var tomorrow = new DateTimeOffset(now.UtcDateTime.Date.AddDays(1), TimeSpan.Zero);
        http.Headers.RetryAfter = $"{(int)Math.Ceiling((tomorrow - now).TotalSeconds)}";
        return Problems.Of(
            StatusCodes.Status429TooManyRequests, "quota_exceeded", "The organization has logged too much that is new.",
            $"{mostPackages} packages that nobody has logged before, and new package sets of {mostEntries} packages in all, may be added "
            + "in a day (UTC).");
    }
}
