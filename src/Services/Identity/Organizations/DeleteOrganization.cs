using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>
/// The operator deletes an organization. It answers its members as one that never was, at once; for some days it can be restored as it was,
/// then <see cref="EraseOrganizations"/> ends it. Its audit log stays, and its slug is never given again.
/// </summary>
internal static class DeleteOrganization
{
    /// <param name="ErasedAfter">Until when it can be restored.</param>
    public sealed record Response(string Slug, DateTimeOffset DeletedAt, DateTimeOffset ErasedAfter);

    internal static void MapDeleteOrganization(this IEndpointRouteBuilder organizations) =>
        organizations.MapDelete("/{org}", HandleAsync).RequireAuthorization(Access.Operator).WithName(nameof(DeleteOrganization))
            .WithSummary("Delete an organization; it can be restored for some days.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        string org, Caller caller, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var organization = await tx.QuerySingleOrDefaultAsync<OrganizationRow>(
            """
            update organizations set deleted_at = @now
            where (slug = @org or id = @Id) and deleted_at is null
            returning id, slug, name
            """, new { org, Id = OrganizationRow.IdOf(org), now });
        if (organization is null)
        {
            return Problems.NotFound();
        }

        var erasedAfter = now.AddDays(options.Value.DeletedOrganizationDays);
        await organization.ForgetAsync(tx, now);
        tx.Audit(
            organization.Seen(caller), now, "organization_deleted", new AuditTarget(organization.Id.ToString(), null, "organization"),
            $"Organization {organization.Slug} was deleted.", new { organization.Slug, organization.Name, erased_after = erasedAfter });
        await tx.CommitAsync();
        return TypedResults.Ok(new Response(organization.Slug, now, erasedAfter));
    }
}
