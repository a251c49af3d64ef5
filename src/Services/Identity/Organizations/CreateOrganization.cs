using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>The operator creates an organization and becomes its first administrator.</summary>
internal static class CreateOrganization
{
    /// <param name="EnvironmentsEnabled">Whether it manages environments at once; an administrator can switch it on later.</param>
    /// <param name="Slug">Part of every path, and never changes: lower-case letters, digits and single hyphens, 2 to 40 characters.</param>
    public sealed record Request(
        [Required, RegularExpression("^(?=.{2,40}$)[a-z0-9]+(-[a-z0-9]+)*$",
            ErrorMessage = "Must be 2 to 40 lower-case letters, digits and single hyphens between them.")]
        string Slug,
        [Required, MinLength(1), MaxLength(200)] string Name, bool EnvironmentsEnabled = false);

    public sealed record Response(OrganizationId Id, string Slug, string Name, DateTimeOffset CreatedAt);

    internal static void MapCreateOrganization(this IEndpointRouteBuilder organizations) =>
        organizations.MapPost("", HandleAsync).RequireAuthorization(Access.Operator).WithName(nameof(CreateOrganization))
            .WithSummary("Create an organization; the caller becomes its administrator.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>Null when the slug is taken.</summary>
    internal static async Task<Response?> CreateAsync(
        Tx tx, Caller administrator, string slug, string name, bool environmentsEnabled, DateTimeOffset now)
    {
        var id = OrganizationId.New(now);
        var created = await tx.ExecuteAsync(
            "insert into organizations (id, slug, name, created_at) values (@id, @slug, @name, @now) on conflict (slug) do nothing",
            new { id, slug, name, now });
        if (created == 0)
        {
            return null;
        }

        await OrganizationSettings.CreateAsync(tx, id, environmentsEnabled, now);
        await tx.ExecuteAsync(
            "insert into memberships (org_id, subject_id, role, created_at) values (@id, @Subject, @Role, @now)",
            new { id, Subject = administrator.SubjectId, Role = Roles.Administrator, now });
        var there = administrator with { Organization = new Membership(id, slug, name, Roles.Administrator) };
        tx.Audit(there, now, "organization_created", new AuditTarget(id.ToString(), null, "organization"),
            $"Organization {slug} was created.", new { slug, name, environments_enabled = environmentsEnabled });
        tx.Audit(
            there, now, "organization_user_added", new AuditTarget(administrator.SubjectId.ToString(), administrator.Email, "user"),
            $"{administrator.DisplayName} became an administrator of {slug}.", new { role = Roles.Administrator });
        return new Response(id, slug, name, now);
    }

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        if (Guid.TryParse(request.Slug, out _))
        {
            return Problems.Invalid("slug", "Must not look like an id.");
        }

        if (await CreateAsync(tx, caller, request.Slug, request.Name, request.EnvironmentsEnabled, now) is not { } created)
        {
            return Problems.Conflict("slug_taken", "There is or was an organization with this slug.");
        }

        await TokenStore.ForgetAsync(tx, caller.SubjectId, now);
        await tx.CommitAsync();
        return TypedResults.Created($"/api/v1/orgs/{created.Slug}", created);
    }
}
