using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>One user of the organization. Who may not read all of members is told of active ones only.</summary>
internal static class GetMember
{
    private const string Sql =
        $"""
        select {MemberView.Columns}, null as sort_key
        from memberships m
        join subjects s on s.id = m.subject_id
        where m.org_id = @organization and m.subject_id = @id and m.is_user
        """;

    internal static void MapGetMember(this IEndpointRouteBuilder members) =>
        members.MapGet("/{id}", HandleAsync).WithName(nameof(GetMember)).WithSummary("A user of the organization.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    /// <summary>What a change made of a member, read in its transaction.</summary>
    internal static async Task<MemberView> ReadAsync(Tx tx, OrganizationId organization, SubjectId id) =>
        (await tx.QuerySingleAsync<MemberView.Row>(Sql, new { organization, id })).ToView();

    private static async Task<Results<Ok<MemberView>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Caller caller, HttpResponse http, NpgsqlDataSource db, CancellationToken ct)
    {
        var row = await db.QuerySingleOrDefaultAsync<MemberView.Row>(Sql, new { organization = caller.OrgId, id }, ct);
        var seesAll = caller.Can(Permission.MembersReadAll);
        if (row is null || (!seesAll && row.State != Member.Active))
        {
            return Problems.NotFound();
        }

        IfMatch.Tell(http, row.Version);
        return TypedResults.Ok(seesAll ? row.ToView() : row.ToView().OfName());
    }
}
