using System.ComponentModel.DataAnnotations;
using System.Text.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Decisions.Fleet;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What a policy would do to the environments of the organization at this moment. Nothing is stored.</summary>
internal static class DryRun
{
    /// <summary>One of document and text.</summary>
    /// <param name="Document">The policy as JSON.</param>
    /// <param name="Text">The policy as YAML or JSON, at most 65,536 characters.</param>
    /// <param name="Assignments">
    /// To whom it would be assigned. Where it is left out: as the policy of this name is, or the organization where there is none.
    /// </param>
    /// <param name="Examples">How many environments of each rule are named.</param>
    public sealed record Request(
        JsonElement? Document = null, [MultiLine] string? Text = null, [MaxLength(1_000)] IReadOnlyList<Target>? Assignments = null,
        [Range(0, 100)] int Examples = 10);

    /// <param name="TargetType">organization, group or user.</param>
    public sealed record Target(string TargetType, Guid TargetId);

    /// <param name="Environments">To which it applies.</param>
    /// <param name="Warn">It would warn about them.</param>
    /// <param name="Block">It would block them.</param>
    /// <param name="InGrace">Of those that it warns about: how many it would block later.</param>
    /// <param name="Unknown">Of those that it warns about: where something is not known.</param>
    /// <param name="NotDecided">Their packages are being scanned.</param>
    /// <param name="Changes">What would change against today, by all policies together.</param>
    public sealed record Answer(
        int Environments, int Warn, int Block, int InGrace, int Unknown, int NotDecided, IReadOnlyList<RuleAnswer> Rules,
        StatusChanges Changes, DateTimeOffset AsOf);

    public sealed record RuleAnswer(string Name, int Warn, int Block, int InGrace, int Unknown, IReadOnlyList<Example> Examples);

    /// <param name="Owner">Its e-mail address, or the name of a service account; null where it is not known.</param>
    /// <param name="Machine">Its host name; null where it is not known.</param>
    public sealed record Example(
        EnvironmentId EnvironmentId, string? Name, string? Owner, string? Machine, EnvironmentStatus Status, DateTimeOffset? Deadline);

    /// <summary>Environments by today's status and the one that they would have.</summary>
    public sealed record StatusChanges(int OkToWarn, int OkToBlock, int WarnToBlock, int WarnToOk, int BlockToWarn, int BlockToOk);

    public static void MapDryRun(this IEndpointRouteBuilder policies) =>
        policies.MapPost("/dry-run", HandleAsync).RequireAuthorization(Permission.EnvironmentsReadAll).WithName(nameof(DryRun))
            .WithSummary("What a policy would do to the environments of the organization at this moment; nothing is stored.");

    private static async Task<Results<Ok<Answer>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if ((request.Document is null) == (request.Text is null))
        {
            return Problems.Invalid("document", "Either document or text must be there, and not both.");
        }

        var (document, errors) = request.Text is { } text ? PolicyParser.Parse(text) : PolicyParser.Parse(request.Document!.Value);
        if (document is null)
        {
            return Problems.Invalid(errors.GroupBy(error => error.Path, StringComparer.Ordinal).ToDictionary(
                field => field.Key.Length == 0 ? "document" : field.Key, field => field.Select(error => error.Message).ToArray(),
                StringComparer.Ordinal));
        }

        if (await ValidateAsync(db, caller.OrgId, request.Assignments ?? [], ct) is { } invalid)
        {
            return invalid;
        }

        var stored = await db.QueryAsync<Guid>(
            "select policy_id from policies where org_id = @OrgId and name = @Name and deleted_at is null",
            new { caller.OrgId, document.Name }, ct);
        var id = stored.Count == 0 ? Guid.CreateVersion7(clock.GetUtcNow()) : stored[0];
        var targets = request.Assignments is { } assignments
            ? assignments.Select(target => new PolicyTarget(target.TargetType, target.TargetId)).ToList()
            : stored.Count == 0 ? [new PolicyTarget(PolicyTarget.Organization, caller.OrgId.Value)]
            : await db.QueryAsync<PolicyTarget>(
                "select target_type as type, target_id as id from policy_assignments where org_id = @OrgId and policy_id = @id",
                new { caller.OrgId, id }, ct);
        var preview = await FleetPreview.OfAsync(
            db, caller.OrgId, [new(id, document, targets)], clock.GetUtcNow(), ct, request.Examples);
        return TypedResults.Ok(AnswerOf(preview));
    }

    private static async Task<ProblemHttpResult?> ValidateAsync(
        NpgsqlDataSource db, OrganizationId organization, IReadOnlyList<Target> targets, CancellationToken ct)
    {
        var known = (await db.QueryAsync<PolicyTarget>(
            """
            select 'group' as type, group_id as id from groups
            where org_id = @organization and group_id = any(@Ids) and not deleted
            union all
            select 'user', subject_id from subjects where org_id = @organization and subject_id = any(@Ids) and not deleted
            """, new { organization, Ids = targets.Select(target => target.TargetId).ToArray() }, ct))
            .Append(new(PolicyTarget.Organization, organization.Value)).ToHashSet();
        var errors = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var (index, target) in targets.Index())
        {
            if (target.TargetType is not (PolicyTarget.Organization or PolicyTarget.Group or PolicyTarget.User))
            {
                errors[$"assignments[{index}].target_type"] = ["Must be organization, group or user."];
            }
            else if (!known.Contains(new(target.TargetType, target.TargetId)))
            {
                errors[$"assignments[{index}].target_id"] = [$"There is no such {target.TargetType}."];
            }
        }

        return errors.Count == 0 ? null : Problems.Invalid(errors);
    }

    private static Answer AnswerOf(FleetPreview preview) => new(
        preview.Environments, preview.Warn, preview.Block, preview.InGrace, preview.Unknown, preview.NotDecided,
        [
            .. preview.Rules.Select(rule => new RuleAnswer(
                rule.Name, rule.Warn, rule.Block, rule.InGrace, rule.Unknown,
                [
                    .. rule.Examples.Select(example => new Example(
                        example.Environment.Id, example.Environment.Name, example.Environment.Owner.DisplayName,
                        example.Environment.Machine?[^1], example.Status, example.Deadline)),
                ])),
        ],
        new(
            preview.Changes.OkToWarn, preview.Changes.OkToBlock, preview.Changes.WarnToBlock, preview.Changes.WarnToOk,
            preview.Changes.BlockToWarn, preview.Changes.BlockToOk),
        preview.AsOf);
}
