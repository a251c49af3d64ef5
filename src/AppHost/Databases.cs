using EnvPlatform.LocalServers;

namespace EnvPlatform.AppHost;

/// <summary>
/// The databases of the services. <c>migrations</c>, which signs in as the server's administrator, prepares all of them and ends; each
/// service signs in as a role that may read and write the rows of its own database.
/// </summary>
internal sealed class Databases
{
    private readonly IResourceBuilder<PostgresServerResource> _server;
    private readonly ServiceUsers _users;
    private readonly IResourceBuilder<ProjectResource> _migrations;

    /// <param name="inContainer">Otherwise the server is a process of this machine.</param>
    public Databases(IResourceBuilder<PostgresServerResource> server, DataFolder? folder, bool inContainer)
    {
        (_server, _users, _migrations) = (server, new(server.ApplicationBuilder, "db", folder), AddMigrations(server));
        if (folder is not null && !inContainer)
        {
            server.RunAsProcess(folder);
        }
    }

    /// <summary>A database and a role, both with the name of the service.</summary>
    /// <param name="service">Gets its connection string under that name, and starts when the database is prepared.</param>
    public void AddTo(Instances service)
    {
        var name = service.Name;
        var database = _server.AddDatabase(name + "-db", name);
        var password = _users.Add(service);
        _migrations.WaitFor(database).WithEnvironment($"Databases__{name}__Password", password);
        var endpoint = _server.Resource.PrimaryEndpoint;
        var (host, port) = (endpoint.Property(EndpointProperty.Host), endpoint.Property(EndpointProperty.Port));
        var connection = ReferenceExpression.Create($"Host={host};Port={port};Username={name};Password={password};Database={name}");
        service.ForEach(instance => instance
            .WithEnvironment($"ConnectionStrings__{name}", connection)
            .WithReferenceRelationship(database)
            .WaitForCompletion(_migrations));
    }

    private static IResourceBuilder<ProjectResource> AddMigrations(IResourceBuilder<PostgresServerResource> server)
    {
        var builder = server.ApplicationBuilder;
        var migrations = builder.AddProject<Projects.Migrations>("migrations", project => project.ExcludeLaunchProfile = true)
            .WithReference(server).WaitFor(server)
            .WithAnnotation(new RunsOnceAnnotation());
        return builder.ExecutionContext.IsPublishMode ? migrations : migrations.RunAsBuilt();
    }
}
