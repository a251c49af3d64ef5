using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Policy.Policies;

/// <summary>The policies of an organization, and what they may say; docs/policies.md describes the language.</summary>
internal static class PolicyEndpoints
{
    public static void AddPolicies(this IHostApplicationBuilder builder) => builder.Services.AddSingleton<DefaultPolicies>();

    public static void MapPolicies(this IEndpointRouteBuilder app)
    {
        var policies = app.MapGroup("/api/v1/orgs/{org}/policies").WithTags("Policies").AddEndpointFilter(
            async (context, next) =>
            {
                // Whatever is asked of an organization's policies first, those that it begins with are there.
                var http = context.HttpContext;
                await http.RequestServices.GetRequiredService<DefaultPolicies>().EnsureAsync(Caller.From(http)!.OrgId, http.RequestAborted);
                return await next(context);
            });
        policies.MapPreviewText();
        policies.MapReadPolicies();
        policies.MapCreatePolicy();
        policies.MapChangePolicy();
        policies.MapDeletePolicy();
        policies.MapAssignPolicy();
        app.MapGet("/api/v1/schemas/policy.json", GetSchema).RequireAuthorization(Access.Anyone).WithName("GetPolicySchema")
            .WithTags("Policies").WithSummary("The JSON Schema (2020-12) of policy documents.")
            .Produces<JsonElement>(StatusCodes.Status200OK, "application/schema+json");
    }

    private static ContentHttpResult GetSchema() => TypedResults.Text(PolicySchema.Text, "application/schema+json; charset=utf-8");
}
