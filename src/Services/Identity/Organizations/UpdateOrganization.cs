using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>An administrator gives the organization another name. Its slug never changes.</summary>
internal static class UpdateOrganization
{
    public sealed record Request([Required, ResourceName] string Name);

    internal static void MapUpdateOrganization(this IEndpointRouteBuilder organizations) =>
        organizations.MapPatch("/{org}", HandleAsync).RequireAuthorization(Permission.SettingsWrite).WithName(nameof(UpdateOrganization))
            .WithSummary("Give the organization another name.").ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Ok<GetOrganization.Response>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var after = new { Name = ResourceNameAttribute.Normalize(request.Name) };
        await using (var tx = await db.BeginAsync(ct))
        {
            var before = new
            {
                Name = await tx.QuerySingleAsync<string>(
                    "select name from organizations where id = @OrgId for update", new { caller.OrgId }),
            };
            if (Changes.Between(before, after) is { } changes)
            {
                await tx.ExecuteAsync("update organizations set name = @Name where id = @OrgId", new { caller.OrgId, after.Name });
                var organization = new OrganizationRow(caller.OrgId, caller.Organization!.Slug, after.Name);
                await organization.ForgetAsync(tx, now);
                tx.Audit(
                    caller, now, "organization_updated", new AuditTarget(caller.OrgId.ToString(), null, "organization"),
                    $"Organization {organization.Slug} is called {after.Name} now.", changes);
                await tx.CommitAsync();
            }
        }

        return TypedResults.Ok(await GetOrganization.FindAsync(db, caller.OrgId, now, ct));
    }
}
