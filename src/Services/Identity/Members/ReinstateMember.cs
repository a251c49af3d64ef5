using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// An administrator gives back to a user who was removed, or who left, the membership, groups and seats that it had. Its tokens stay
/// revoked.
/// </summary>
internal static class ReinstateMember
{
    /// <param name="Role">Null: the one that the user had.</param>
    public sealed record Request([property: Role] string? Role = null);

    internal static void MapReinstateMember(this IEndpointRouteBuilder members) =>
        members.MapPost("/{id}/reinstate", HandleAsync).RequireAuthorization(Permission.MembersWrite).WithName(nameof(ReinstateMember))
            .WithSummary("Give a removed user its membership back.").ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<MemberView>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Request? request, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        IOptions<IdentityOptions> options, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Member.LockAsync(tx, caller.OrgId, id, caller.SubjectId) is not { } member)
        {
            return Problems.NotFound();
        }

        if (!member.IsManaged)
        {
            return Member.NotAllowed();
        }

        if (member.State == Member.Suspended)
        {
            return Member.WrongState("The user is suspended and was not removed. Resume it.");
        }

        if (member.State == Member.Removed)
        {
            var (now, role) = (clock.GetUtcNow(), request?.Role ?? member.Role);
            if (role == Roles.Administrator && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
            {
                return older;
            }

            await tx.ExecuteAsync(
                """
                update memberships set removed_at = null, suspended_at = null, role = @role, version = version + 1
                where org_id = @OrgId and subject_id = @id
                """, new { caller.OrgId, id, role });
            var changes = Changes.Between(new { member.State, member.Role }, new { State = Member.Active, Role = role })!;
            var (groups, products) = await GiveBackAsync(
                tx, caller, id, isRemembered: member.RemovedAt >= now.AddDays(-options.Value.FormerMemberDays), now);
            await TokenStore.ForgetAsync(tx, id, now);
            tx.Audit(
                caller, now, "organization_user_reinstated", member.Target, $"{member.DisplayName} was reinstated as {role}.",
                new { changes.Before, changes.After, changes.Changed, groups, products });
        }

        var reinstated = await GetMember.ReadAsync(tx, caller.OrgId, id);
        await tx.CommitAsync();
        return TypedResults.Ok(reinstated);
    }

    /// <summary>
    /// Gives the member the seats that everybody gets and, unless it has been away for long, puts it into the groups, and gives it the
    /// seats, that it had: those that are there still.
    /// </summary>
    /// <returns>The names of the groups, and the products.</returns>
    private static async Task<(IReadOnlyList<string> Groups, IReadOnlyList<string> Products)> GiveBackAsync(
        Tx tx, Caller caller, SubjectId id, bool isRemembered, DateTimeOffset now)
    {
        await ProductRow.LockAllAsync(tx, caller.OrgId);
        await Seats.JoinAsync(tx, caller, id, now);
        if (!isRemembered)
        {
            return ([], []);
        }

        var left = await tx.QuerySingleAsync<Left>(
            "select left_groups as groups, left_products as products from memberships where org_id = @OrgId and subject_id = @id",
            new { caller.OrgId, id });
        var people = await Seats.PeopleAsync(tx, caller.OrgId, [id]);
        var given = new List<string>();
        foreach (var product in left.Products)
        {
            var row = await ProductRow.LockAsync(tx, caller.OrgId, product);
            if ((await Seats.AssignAsync(tx, caller, row, people, "reinstatement", now)).Count == 0)
            {
                given.Add(product);
            }
        }

        return (await GroupMembers.JoinAsync(tx, caller, id, [.. left.Groups.Select(group => new GroupId(group))], now), given);
    }

    private sealed record Left(Guid[] Groups, string[] Products);
}
