using System.ComponentModel.DataAnnotations;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>Stores a new policy. It decides nothing until it is assigned.</summary>
internal static class CreatePolicy
{
    /// <summary>Policies that an organization may have.</summary>
    private const int Most = 200;

    /// <summary>Document or text, one of the two.</summary>
    /// <param name="Document">The policy as JSON.</param>
    /// <param name="Text">The policy as YAML or JSON, at most 65,536 characters.</param>
    /// <param name="ExpectedBlocked">How many environments it is expected to block; only needed where it blocks more than a tenth.</param>
    /// <param name="ManagedBy">config: it comes from files, and people do not change it.</param>
    /// <param name="Source">Where the files are.</param>
    public sealed record Request(
        JsonElement? Document = null, [MultiLine] string? Text = null, [Range(0, int.MaxValue)] int? ExpectedBlocked = null,
        [AllowedValues(null, "config", ErrorMessage = "Must be config.")] string? ManagedBy = null, [MaxLength(300)] string? Source = null);

    internal static void MapCreatePolicy(this IEndpointRouteBuilder policies) =>
        policies.MapPost("", HandleAsync).RequireAuthorization(Permission.PoliciesWrite).WithName(nameof(CreatePolicy))
            .WithSummary("Store a policy; it decides nothing until it is assigned.").ProducesProblem(StatusCodes.Status409Conflict);

    internal static ProblemHttpResult NameTaken() => Problems.Conflict("name_taken", "Another policy of the organization has this name.");

    private static async Task<Results<Created<PolicyView>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var (document, problem) = PolicyText.Read(request.Document, request.Text);
        if (document is null)
        {
            return problem!;
        }

        var now = clock.GetUtcNow();
        var id = PolicyId.New(now);
        await using (var tx = await db.BeginAsync(ct))
        {
            // One after the other for an organization, so that two do not pass its limit together.
            await PolicyChanges.LockAsync(tx, caller.OrgId);
            if (await tx.QuerySingleAsync<long>(
                "select count(*) from policies where org_id = @OrgId and deleted_at is null", new { caller.OrgId }) >= Most)
            {
                return Problems.Conflict("too_many_policies", $"An organization may have {Most} policies.");
            }

            if (!await PolicyChanges.AddAsync(tx, caller, id, document, request.ManagedBy, request.Source, now))
            {
                return NameTaken();
            }

            tx.Audit(
                caller, now, "policy_created", new($"{id}", null, "policy"), $"{caller.DisplayName} made the policy {document.Name}.",
                new { after = PolicyChanges.ShownOf(document, request.ManagedBy, request.Source) });
            await tx.CommitAsync();
        }

        IfMatch.Tell(http, 1);
        return await ReadPolicies.ViewAsync(db, caller, $"{id}", clock, ct) is { } view
            ? TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/policies/{id}", view)
            : Problems.NotFound();
    }
}
