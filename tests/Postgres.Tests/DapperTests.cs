using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>Rows come into positional records with typed ids and times.</summary>
public sealed class DapperTests
{
    [Test]
    public async Task Typed_ids_and_times_go_in_and_come_out()
    {
        await using var database = await TestDatabase.CreateAsync();
        DapperSetup.Apply();
        await using var db = NpgsqlDataSource.Create(database.ConnectionString);
        var id = new OrganizationId(Guid.CreateVersion7());
        var at = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.FromHours(2));
        var row = await db.QuerySingleAsync<Row>(
            """
            select @id as org_id, @at as logged_at, null::uuid as parent_id, null::timestamptz as ended_at, 7.5::numeric as max_cvss,
                array[1,2] as package_ids
            """,
            new { id, at }, CancellationToken.None);
        Assert.That(row.OrgId, Is.EqualTo(id));
        Assert.That(row.LoggedAt, Is.EqualTo(at));
        Assert.That(row.LoggedAt.Offset, Is.EqualTo(TimeSpan.Zero));
        Assert.That((row.ParentId, row.EndedAt, row.MaxCvss), Is.EqualTo(((OrganizationId?)null, (DateTimeOffset?)null, 7.5m)));
        Assert.That(row.PackageIds, Is.EqualTo(new[] { 1, 2 }));
    }

    /// <summary>The least of nothing is asked for where something waits for what is due next.</summary>
    [Test]
    public async Task A_query_whose_only_value_is_null_answers_null()
    {
        await using var database = await TestDatabase.CreateAsync();
        DapperSetup.Apply();
        await using var db = NpgsqlDataSource.Create(database.ConnectionString);
        Assert.That(await db.QuerySingleAsync<DateTimeOffset?>("select null::timestamptz", null, CancellationToken.None), Is.Null);
        Assert.That(await db.QuerySingleAsync<OrganizationId?>("select null::uuid", null, CancellationToken.None), Is.Null);
        Assert.That(
            await db.QuerySingleAsync<DateTimeOffset?>("select timestamptz '2026-03-04 05:06:07Z'", null, CancellationToken.None),
            Is.EqualTo(new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero)));
    }

    private sealed record Row(
        OrganizationId OrgId, DateTimeOffset LoggedAt, OrganizationId? ParentId, DateTimeOffset? EndedAt,
        decimal? MaxCvss, int[] PackageIds);
}
