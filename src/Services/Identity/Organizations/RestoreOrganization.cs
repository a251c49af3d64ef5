using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>The operator restores an organization that was deleted: members, roles and tokens are what they were.</summary>
internal static class RestoreOrganization
{
    public sealed record Response(string Slug, string Name);

    internal static void MapRestoreOrganization(this IEndpointRouteBuilder organizations) =>
        organizations.MapPost("/{org}/restore", HandleAsync).RequireAuthorization(Access.Operator).WithName(nameof(RestoreOrganization))
            .WithSummary("Restore an organization that was deleted.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        string org, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var organization = await tx.QuerySingleOrDefaultAsync<OrganizationRow>(
            """
            update organizations set deleted_at = null
            where (slug = @org or id = @Id) and deleted_at is not null and erased_at is null
            returning id, slug, name
            """, new { org, Id = OrganizationRow.IdOf(org) });
        if (organization is null)
        {
            return Problems.NotFound("There is no organization of this name that was deleted, or it has been erased.");
        }

        await organization.ForgetAsync(tx, now);
        tx.Audit(
            organization.Seen(caller), now, "organization_restored", new AuditTarget(organization.Id.ToString(), null, "organization"),
            $"Organization {organization.Slug} was restored.", new { organization.Slug, organization.Name });
        await tx.CommitAsync();
        return TypedResults.Ok(new Response(organization.Slug, organization.Name));
    }
}
