using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// Every operation of the OpenAPI document with every role: refused exactly when the role lacks a permission that the operation says it
/// asks for. An operation that asks for more, or for less, than it says is found, and a new one cannot escape.
/// </summary>
public sealed partial class RolePermissionTests
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch"];

    [Test]
    public async Task A_role_may_call_what_its_permissions_allow_and_nothing_else()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var operatorApi = platform.Administrator();
        var explained = await operatorApi.GetAsync("/api/v1/roles");
        var roles = explained.GetProperty("items").EnumerateArray().ToDictionary(
            role => role.GetProperty("name").GetString()!,
            role => role.GetProperty("permissions").EnumerateArray().Select(permission => permission.GetString()!).ToHashSet());
        var known = explained.GetProperty("permissions").EnumerateArray().Select(one => one.GetProperty("name").GetString()!).ToHashSet();
        Assert.That(roles.Keys, Is.EqualTo(new[] { "member", "auditor", "security_manager", "administrator" }));
        Assert.That(roles["administrator"], Is.EquivalentTo(known));

        var operations = (await OperationsAsync(operatorApi)).Where(operation => operation.IsOfOrganization).ToArray();
        Assert.That(operations, Has.Length.GreaterThan(40));
        Assert.That(operations.Where(operation => operation.Asked.Count == 0).Select(operation => operation.ToString()), Is.EquivalentTo(
            new[] { "DELETE /api/v1/orgs/{org}", "POST /api/v1/orgs/{org}/restore", "PATCH /api/v1/orgs/{org}/products" }),
            "asks for no permission: the operator's");
        Assert.That(operations.SelectMany(operation => operation.Asked).Except(known), Is.Empty);
        // Those that let a role act on what others own ask for them in their handler.
        Assert.That(
            known.Except(operations.SelectMany(operation => operation.Asked))
                .Where(name => !name.EndsWith("_all", StringComparison.Ordinal)),
            Is.Empty, "no operation asks for it");

        var wrong = new List<string>();
        foreach (var (role, permissions) in roles)
        {
            // A person: some of it no service account may, whatever its role.
            using var api = platform.Client((await Organization.AddPersonAsync(platform, organization.Slug, role)).Token);
            foreach (var operation in operations)
            {
                var status = await StatusAsync(api, operation, organization.Slug);
                var expected = operation.Asked.Count > 0 && operation.Asked.All(permissions.Contains);
                if (expected != (status != 403))
                {
                    wrong.Add($"{role} {operation}: {status}, asks for {string.Join(", ", operation.Asked)}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    /// <summary>A token may be limited to some permissions: each operation asks for its own, whatever the role allows.</summary>
    [Test]
    public async Task A_token_that_lacks_a_permission_is_refused_by_every_operation_that_asks_for_it()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var operatorApi = platform.Administrator();
        var operations = (await OperationsAsync(operatorApi)).Where(operation => operation.IsOfOrganization && operation.Asked.Count > 0)
            .ToArray();
        var all = (await operatorApi.GetAsync("/api/v1/roles")).GetProperty("permissions").EnumerateArray()
            .Select(one => one.GetProperty("name").GetString()!).ToArray();
        var wrong = new List<string>();
        foreach (var asked in operations.SelectMany(operation => operation.Asked).Distinct().ToArray())
        {
            var token = await Organization.AddServiceAccountAsync(
                platform, organization.Slug, "administrator", [.. all.Where(name => name != asked)]);
            using var api = platform.Client(token);
            foreach (var operation in operations.Where(operation => operation.Asked.Contains(asked)))
            {
                var status = await StatusAsync(api, operation, organization.Slug);
                if (status != 403)
                {
                    wrong.Add($"without {asked} {operation}: {status}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    /// <summary>Nobody who has no place in the organization, or none for now, learns that it is there: whatever the role was.</summary>
    [Test]
    public async Task Whoever_is_suspended_removed_or_of_another_organization_may_call_nothing()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        var other = await Organization.CreateAsync(platform);
        using var operatorApi = platform.Administrator();
        var operations = (await OperationsAsync(operatorApi)).Where(operation => operation.IsOfOrganization).ToArray();
        var suspended = await Organization.AddPersonAsync(platform, organization.Slug, "administrator");
        var removed = await Organization.AddPersonAsync(platform, organization.Slug, "administrator");
        var stranger = await Organization.AddPersonAsync(platform, other.Slug, "administrator");
        await operatorApi.PostAsync($"{organization.Path}/members/{suspended.Id}/suspend", new { });
        using var gone = await operatorApi.Http.DeleteAsync(new Uri($"{organization.Path}/members/{removed.Id}", UriKind.Relative));
        Assert.That(gone.IsSuccessStatusCode, Is.True);

        var wrong = new List<string>();
        foreach (var (who, person) in new[] { ("suspended", suspended), ("removed", removed), ("a stranger", stranger) })
        {
            using var api = platform.Client(person.Token);
            await Eventually.BecomesTrueAsync(
                async () => await StatusAsync(api, operations[0], organization.Slug) is 401 or 403 or 404,
                $"{who} is refused", seconds: 10);
            foreach (var operation in operations)
            {
                // 403 where an operation asks for the operator, before it looks for the organization.
                var status = await StatusAsync(api, operation, organization.Slug);
                if (status is not (401 or 404) && !(status == 403 && operation.Asked.Count == 0))
                {
                    wrong.Add($"{who} {operation}: {status}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    /// <summary>What no organization is named by asks for no permission of one.</summary>
    [Test]
    public async Task An_operation_of_no_organization_asks_for_no_permission()
    {
        using var api = SharedPlatform.Platform.Administrator();
        Assert.That(
            (await OperationsAsync(api)).Where(operation => !operation.IsOfOrganization && operation.Asked.Count > 0)
                .Select(operation => operation.ToString()),
            Is.Empty);
    }

    [Test]
    public async Task A_security_manager_blocks_and_curates_and_sees_all_and_manages_no_people()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var administrator = platform.Client(organization.Token);
        using var manager = platform.Client(await Organization.AddServiceAccountAsync(platform, organization.Slug, "security_manager"));
        var environment = new RealEnvironment(
            "managed", "managed", "linux-64", [new("conda", "conda-forge", "linux-64", "openssl", "1.1.1k", "h0")]);
        using var logged = await administrator.Http.PostAsJsonAsync(
            $"{organization.Path}/environment-logs", environment.ToLog(organization.MachineId));
        var id = (await logged.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("environment_id").GetString();

        Assert.That((await manager.GetAsync($"{organization.Path}/environments")).GetProperty("items").GetArrayLength(), Is.EqualTo(1));
        var status = await manager.PutAsync($"{organization.Path}/environments/{id}/status", new { status = "block" });
        Assert.That(status.GetProperty("status").GetString(), Is.EqualTo("block"));
        using var curated = await manager.Http.PutAsJsonAsync(
            $"{organization.Path}/vulnerabilities/CVE-2022-0778/curation", new { status = "cleared", reason = "not used" });
        Assert.That((int)curated.StatusCode, Is.EqualTo(200), await curated.Content.ReadAsStringAsync());
        using var removed = await manager.Http.DeleteAsync(new Uri($"{organization.Path}/environments/{id}", UriKind.Relative));
        Assert.That((int)removed.StatusCode, Is.EqualTo(404), "somebody else's");
        using var people = await manager.Http.DeleteAsync(
            new Uri($"{organization.Path}/members/{Guid.CreateVersion7()}", UriKind.Relative));
        Assert.That((int)people.StatusCode, Is.EqualTo(403));
    }

    private static async Task<int> StatusAsync(Api api, Operation operation, string slug)
    {
        var url = Placeholder().Replace(
            operation.Path.Replace("{org}", slug, StringComparison.Ordinal), _ => Guid.CreateVersion7().ToString());
        using var request = new HttpRequestMessage(new HttpMethod(operation.Method), url);
        if (operation.Method is "POST" or "PUT" or "PATCH")
        {
            // Whoever may is told that this is no valid request.
            request.Content = JsonContent.Create(new { });
        }

        if (operation.IsAuditLog)
        {
            request.Headers.Add("X-Org-Name", slug);
        }

        using var response = await api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return (int)response.StatusCode;
    }

    private static async Task<Operation[]> OperationsAsync(Api api) =>
    [
        .. from path in (await api.GetAsync("/openapi/v1.json")).GetProperty("paths").EnumerateObject()
           from method in path.Value.EnumerateObject()
           where Methods.Contains(method.Name)
           let operation = new Operation(
               method.Name.ToUpperInvariant(), path.Name,
               [.. method.Value.GetProperty("x-permission").EnumerateArray().Select(name => name.GetString()!)])
           orderby operation.IsLeaving
           select operation,
    ];

    private sealed record Operation(string Method, string Path, IReadOnlyList<string> Asked)
    {
        public bool IsAuditLog => Path.StartsWith("/api/audit-logs", StringComparison.Ordinal);

        public bool IsOfOrganization => IsAuditLog || IsLeaving || Path.StartsWith("/api/v1/orgs/{org}", StringComparison.Ordinal);

        /// <summary>Who has called it with success may call no other.</summary>
        public bool IsLeaving => Path == "/api/v1/me/orgs/{org}/leave";

        public override string ToString() => $"{Method} {Path}";
    }

    [GeneratedRegex(@"\{[^}]+\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Placeholder();
}
